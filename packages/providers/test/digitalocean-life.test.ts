import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDigitalOceanSpec } from '@claw-cloud/fake-clouds/digitalocean/spec';
import { expect, test } from 'vitest';
import { policy } from '../digitalocean/policy.ts';
import { digitaloceanInProcess, droplet, tag, wall } from './digitalocean-cloud.ts';

const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'digitalocean.json');
const absent = !existsSync(specPath);
const note = `SKIPPED: the vendor's description is not at ${specPath} (CLAW_SPECS_DIR says where)`;
if (absent) console.warn(note);

/** All that our client ever asks DigitalOcean for, over the life of a server that others made. */
async function wholeLife(cloud: Awaited<ReturnType<typeof digitaloceanInProcess>>) {
  const { digitalocean, full, call, state } = cloud;
  const wish = { region: 'fra1', size: 's-2vcpu-4gb', expectedMonthlyPrice: 24 };
  await digitalocean.whoAmI(full);
  await digitalocean.missingPermissions(full);
  await digitalocean.catalogue(full);
  await digitalocean.preflight(full, wish);
  await call(full, 'POST', '/v2/tags', { name: tag });
  await call(full, 'POST', '/v2/firewalls', wall({ tags: [tag] }));
  await call(full, 'POST', '/v2/droplets', droplet());
  await cloud.cloud.idle();
  const found = await digitalocean.findByTag(full, tag);
  const id = found[0]?.id ?? '';
  await digitalocean.findTagged(full);
  await digitalocean.serverState(full, id, 'fra1');
  for (const action of ['shutdown', 'on', 'reboot', 'off'] as const)
    await digitalocean.power(full, id, 'fra1', action);
  await digitalocean.preflightResize(full, { ...wish, size: 's-4vcpu-8gb', serverId: id });
  for (const resource of found) await digitalocean.deleteResource(full, resource);
  expect(await digitalocean.stillExisting(full, found)).toEqual([]);
  expect(state).toMatchObject({ droplets: [], firewalls: [], tags: [] });
}

test('our client keeps to the vendor description, and what it must be refused is refused', async ({
  skip,
}) => {
  skip(absent, note);
  const validator = createDigitalOceanSpec(specPath);
  await wholeLife(await digitaloceanInProcess({ validate: validator.middleware }));
  expect(validator.violations).toEqual([]);
  expect(validator.seen.size).toBe(20);
});

test('every scope of the policy is asked for by more than its own check, by us or by the engine', async () => {
  const cloud = await digitaloceanInProcess();
  await wholeLife(cloud);
  const checks = await digitaloceanInProcess();
  await checks.digitalocean.missingPermissions(checks.full);
  // Their checks are the very requests that they are needed for.
  const alsoUsed = /^\/v2\/(account$|images\/)/;
  const isCheck = (request: (typeof cloud.requests)[number]) =>
    checks.requests.some((check) => JSON.stringify(check) === JSON.stringify(request));
  const used = new Set(
    cloud.requests
      .filter((request) => alsoUsed.test(request.path) || !isCheck(request))
      .flatMap((request) => policy.permissionsOf(request)),
  );
  // Ours to find, power and delete; what is made and mended is the engine's: stacks/digitalocean/program.test.ts.
  const engines = ['droplet:create', 'firewall:create', 'firewall:update', 'tag:create'];
  expect([...used, ...engines].sort()).toEqual(policy.permissions.map(({ name }) => name));
  expect(
    [
      { method: 'POST', path: '/droplets', query: '', body: JSON.stringify(droplet()) },
      { method: 'POST', path: '/firewalls', query: '', body: JSON.stringify(wall()) },
      { method: 'PUT', path: '/firewalls/bb4b2611-3d72-467b-8602-280330ecd65c', query: '', body: '{}' },
    ].map((request) => policy.permissionsOf(request)),
  ).toEqual([['droplet:create', 'tag:create', 'tag:read'], ['firewall:create'], ['firewall:update']]);
  expect(policy.permissionsOf({ method: 'GET', path: '/databases', query: '', body: '' })).toEqual([
    'unknown: GET /databases',
  ]);
});
