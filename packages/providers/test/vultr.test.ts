import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Catalogue, Cloud, ProductError } from '@claw-cloud/contracts';
import { defaultCatalogue, type VultrCloudOptions } from '@claw-cloud/fake-clouds/vultr';
import { createVultrSpec } from '@claw-cloud/fake-clouds/vultr/spec';
import { afterAll, describe, expect, test } from 'vitest';
import type { ProviderOptions } from '../index.ts';
import { descriptor } from '../vultr/descriptor.ts';
import { policy } from '../vultr/policy.ts';
import { credential, vultrInProcess as openCloud, tag } from './vultr-cloud.ts';

const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'vultr.json');
/** Holds all that is asked and answered here against Vultr's own description; null where that is absent. */
const spec = existsSync(specPath) ? createVultrSpec(specPath) : null;
const vultrInProcess = (options: Partial<VultrCloudOptions> = {}, more: ProviderOptions = {}) =>
  openCloud({ ...(spec ? { validate: spec.middleware } : {}), ...options }, more);

const code = (expected: string) => expect.objectContaining({ code: expected });
const wish = { region: 'fra', size: 'vc2-1c-2gb', expectedMonthlyPrice: null };
type Parts = Awaited<ReturnType<typeof vultrInProcess>>;

async function withServer(parts?: Parts) {
  const cloud = parts ?? (await vultrInProcess());
  const { call, full } = cloud;
  const made = (await (await call(full, 'POST', '/firewalls', { description: tag })).json()) as {
    firewall_group: { id: string };
  };
  const groupId = made.firewall_group.id;
  const answer = await call(full, 'POST', '/instances', {
    region: 'fra',
    plan: 'vc2-1c-2gb',
    os_id: 2625,
    label: 'claw-ins-000000000000000000000001',
    tags: [tag],
    firewall_group_id: groupId,
  });
  const { instance } = (await answer.json()) as { instance: { id: string } };
  await cloud.cloud.idle();
  return { ...cloud, serverId: instance.id, groupId };
}

afterAll(() => {
  if (!spec) console.warn(`SKIPPED: Vultr's description is not at ${specPath} (CLAW_SPECS_DIR says where)`);
  expect(spec?.violations ?? []).toEqual([]);
});

describe('the descriptor', () => {
  test('keeps to the contract, and its policy is the list that requests are held to', () => {
    expect(Cloud.parse(descriptor)).toEqual(descriptor);
    const text = descriptor.methods[0]?.policy?.text ?? '';
    expect((JSON.parse(text) as { acls: string[] }).acls).toEqual(policy.permissions.map(({ name }) => name));
  });
});

describe('who am I', () => {
  test('names the user and masks the e-mail, and says nothing of money', async () => {
    const { vultr, full } = await vultrInProcess();
    const account = await vultr.whoAmI(full);
    expect(account).toEqual({ label: 'Vultr user Ada Example', detail: 'a***@example.com' });
  });

  test('refuses what is no key before asking anybody, and an unknown one without repeating it', async () => {
    const { vultr, asked } = await vultrInProcess();
    await expect(vultr.whoAmI(credential('with spaces'))).rejects.toEqual(code('credential_rejected'));
    expect(asked).toEqual([]);
    const key = 'W'.repeat(36);
    const error: unknown = await vultr.whoAmI(credential(key)).catch((e: unknown) => e);
    expect(error).toEqual(code('credential_rejected'));
    expect(inspect(error, { depth: 9 })).not.toContain(key);
  });

  test('a refusal by address names the address that Vultr saw, and all of ours', async () => {
    const { vultr, cloud } = await vultrInProcess({}, { egressAddresses: ['192.0.2.1', '127.0.0.1'] });
    const elsewhere = credential(cloud.issueKey({ account: 'a', allow: ['198.51.100.7'] }));
    const error = await vultr.whoAmI(elsewhere).catch((e: unknown) => e);
    expect(error).toEqual(code('address_not_allowed'));
    expect((error as ProductError).message).toContain('127.0.0.1');
    expect((error as ProductError).fix).toContain('127.0.0.1 and 192.0.2.1');
    const here = credential(cloud.issueKey({ account: 'a', allow: ['127.0.0.1'] }));
    expect(await vultr.whoAmI(here)).toMatchObject({ label: 'Vultr user Ada Example' });
  });
});

describe('what a key may do', () => {
  test('is told by name, with the fix, from one read', async () => {
    const { vultr, cloud, full, asked } = await vultrInProcess();
    expect(await vultr.missingPermissions(full)).toEqual([]);
    const weak = credential(
      cloud.issueKey({ account: 'a', acls: ['subscriptions_view', 'subscriptions', 'dns'] }),
    );
    const missing = await vultr.missingPermissions(weak);
    expect(missing.map(({ permission }) => permission)).toEqual(['provisioning', 'upgrade', 'firewall']);
    expect(missing[0]?.fix).toContain('"provisioning"');
    expect(asked).toEqual(['GET /v2/account', 'GET /v2/account']);
    expect(cloud.history()).toEqual([]);
  });
});

describe('the catalogue', () => {
  test('holds what can run an assistant, with list prices, and keeps to the contract', async () => {
    const { vultr, full } = await vultrInProcess();
    const catalogue = Catalogue.parse(await vultr.catalogue(full));
    const ids = catalogue.sizes.map(({ id }) => id);
    expect(ids[0]).toBe('vc2-1c-2gb');
    expect(ids).not.toContain('vc2-1c-1gb');
    // Of the past, of another product, and without a disk.
    for (const absent of ['vc2-3c-4gb', 'vdc-2c-8gb', 'vcg-a16-2c-16gb-4vram'])
      expect(ids).not.toContain(absent);
    const size = catalogue.sizes.find(({ id }) => id === 'vc2-4c-8gb');
    expect(size).toMatchObject({ small: false, architecture: 'x86', memoryMb: 8192 });
    expect(size?.offers.find(({ region }) => region === 'fra')).toEqual({
      region: 'fra',
      available: true,
      monthly: 40,
      hourly: 0.0595,
    });
    expect(size?.offers.find(({ region }) => region === 'syd')?.available).toBe(false);
    expect(catalogue).toMatchObject({ currency: 'USD', image: 'Debian 13 x64 (trixie)' });
    expect(catalogue.regions).toContainEqual({
      id: 'fra',
      name: 'Frankfurt',
      country: 'DE',
      city: 'Frankfurt',
    });
  });

  test('hides what has no disk of its own', async () => {
    const plans = defaultCatalogue.plans.map((plan) =>
      plan.id === 'vc2-2c-4gb' ? { ...plan, diskGb: 0 } : plan,
    );
    const { vultr, full } = await vultrInProcess({ catalogue: { ...defaultCatalogue, plans } });
    const ids = (await vultr.catalogue(full)).sizes.map(({ id }) => id);
    expect(ids).not.toContain('vc2-2c-4gb');
    expect(ids).toContain('vc2-4c-8gb');
  });

  test('is read to the last page', async () => {
    const { vultr, full } = await vultrInProcess({ limits: { pageSize: 2 } });
    const whole = await vultrInProcess();
    const paged = await vultr.catalogue(full);
    expect({ ...paged, fetchedAt: '' }).toEqual({
      ...(await whole.vultr.catalogue(whole.full)),
      fetchedAt: '',
    });
  });
});

describe('preflight', () => {
  const blockersOf = async (
    parts: Parts,
    more: Partial<{ region: string; size: string; expectedMonthlyPrice: number }> = {},
    who = parts.full,
  ) => (await parts.vultr.preflight(who, { ...wish, ...more })).blockers.map((blocker) => blocker.code);

  test('lets a possible deploy through and says what it costs, with the number of the system', async () => {
    const parts = await vultrInProcess();
    expect(await parts.vultr.preflight(parts.full, { ...wish, expectedMonthlyPrice: 10 })).toEqual({
      blockers: [],
      warnings: ['"vc2-1c-2gb" has little memory: long conversations may be slow.'],
      offer: { monthlyPrice: 10, currency: 'USD', image: '2625', architecture: 'x86' },
    });
  });

  test.each([
    ['an unknown region', { region: 'moon' }, ['region_unknown']],
    ['an unknown size', { size: 'vc2-9000c' }, ['size_unknown']],
    ['a size the region does not have', { region: 'nrt', size: 'vhp-1c-2gb-amd' }, ['size_unknown']],
    ['a retired size', { size: 'vc2-3c-4gb' }, ['size_unknown']],
    ['a size too small', { size: 'vc2-1c-1gb' }, ['size_too_small']],
    ['a sold-out size', { region: 'syd', size: 'vc2-4c-8gb' }, ['size_sold_out']],
    ['another price', { expectedMonthlyPrice: 3 }, ['price_changed']],
    [
      'two things at once, in order',
      { region: 'syd', size: 'vc2-4c-8gb', expectedMonthlyPrice: 1 },
      ['size_sold_out', 'price_changed'],
    ],
  ])('stops %s', async (_name, more, expected) => {
    expect(await blockersOf(await vultrInProcess(), more)).toEqual(expected);
  });

  test('stops a key that is unknown, weak, or used from elsewhere', async () => {
    const parts = await vultrInProcess();
    const { cloud } = parts;
    expect(await blockersOf(parts, {}, credential('W'.repeat(36)))).toEqual(['credential_rejected']);
    const weak = credential(cloud.issueKey({ account: 'a', acls: ['subscriptions_view'] }));
    expect(await blockersOf(parts, {}, weak)).toEqual(['credential_powerless']);
    const elsewhere = credential(cloud.issueKey({ account: 'a', allow: ['198.51.100.7'] }));
    expect(await blockersOf(parts, {}, elsewhere)).toEqual(['address_not_allowed']);
  });

  test('stops where the operating system is gone', async () => {
    const os = defaultCatalogue.os.filter(({ family }) => family !== 'debian');
    expect(await blockersOf(await vultrInProcess({ catalogue: { ...defaultCatalogue, os } }))).toEqual([
      'image_unavailable',
    ]);
  });

  test('warns of an account that never paid, and of one that owes', async () => {
    const parts = await vultrInProcess();
    const account = parts.cloud.account('a');
    Object.assign(account, { balance: 0, lastPayment: null });
    expect((await parts.vultr.preflight(parts.full, wish)).warnings[0]).toContain('Nothing was ever paid');
    Object.assign(account, { balance: 12.5 });
    expect((await parts.vultr.preflight(parts.full, wish)).warnings[0]).toContain('Something is open');
  });
});

describe('another size', () => {
  const resize = { region: 'fra', size: 'vc2-2c-4gb', expectedMonthlyPrice: 20 };

  test('must be larger and of the same kind, as Vultr lists them', async () => {
    const { vultr, full, serverId } = await withServer();
    expect(await vultr.preflightResize(full, { ...resize, serverId })).toMatchObject({
      blockers: [],
      offer: { monthlyPrice: 20 },
    });
    for (const size of ['vhf-2c-4gb', 'vc2-1c-1gb']) {
      const { blockers } = await vultr.preflightResize(full, {
        ...resize,
        size,
        serverId,
        expectedMonthlyPrice: null,
      });
      expect(blockers[0]).toEqual(code('resize_impossible'));
      expect(blockers[0]?.fix).toContain('vc2-2c-4gb');
    }
  });

  test('of a server that is gone is an error', async () => {
    const { vultr, full } = await vultrInProcess();
    const serverId = '00000000-0000-4000-8000-000000000000';
    await expect(vultr.preflightResize(full, { ...resize, serverId })).rejects.toEqual(
      code('server_missing'),
    );
  });
});

describe('what bears the tag', () => {
  test('is found as tag, description and label, exactly, and nothing else', async () => {
    const { vultr, full, call, serverId, groupId } = await withServer();
    await call(full, 'POST', '/blocks', { region: 'fra', size_gb: 10, label: tag });
    await call(full, 'POST', '/reserved-ips', { region: 'fra', ip_type: 'v4', label: tag });
    await call(full, 'POST', '/firewalls', { description: `${tag}x` });
    // Vultr compares tags without regard to case.
    await call(full, 'POST', '/instances', {
      region: 'fra',
      plan: 'vc2-1c-2gb',
      os_id: 2625,
      tags: [tag.toUpperCase()],
    });
    const found = await vultr.findByTag(full, tag);
    expect(found.map(({ kind }) => kind)).toEqual(['server', 'firewall', 'volume', 'primary_ip']);
    expect(found.slice(0, 2).map(({ id }) => id)).toEqual([serverId, groupId]);
    const tagged = await vultr.findTagged(full);
    expect(tagged.map((entry) => [entry.kind, entry.tag])).toEqual([
      ['server', tag],
      ['firewall', tag],
      ['firewall', `${tag}x`],
      ['volume', tag],
      ['primary_ip', tag],
    ]);
  });

  test('is found to the last page', async () => {
    const { vultr, full, call } = await vultrInProcess({ limits: { pageSize: 3 } });
    for (let index = 0; index < 10; index += 1) await call(full, 'POST', '/firewalls', { description: tag });
    expect(await vultr.findByTag(full, tag)).toHaveLength(10);
  });

  test('is deleted one by one until nothing is left; what is gone already is fine', async () => {
    const { vultr, full } = await withServer();
    const found = await vultr.findByTag(full, tag);
    expect(await vultr.stillExisting(full, found)).toHaveLength(2);
    for (const resource of [...found, ...found]) await vultr.deleteResource(full, resource);
    expect(await vultr.findByTag(full, tag)).toEqual([]);
    expect(await vultr.stillExisting(full, found)).toEqual([]);
  });

  test.each(['invalid instance ID', 'instance not found'])('gone reads "%s" as well', async (goneText) => {
    const { vultr, full } = await vultrInProcess({ goneText });
    expect(await vultr.serverState(full, '00000000-0000-4000-8000-000000000000', '')).toBe(null);
  });

  test('a delete of a server that Vultr works on is asked for again', async () => {
    const { vultr, full, cloud } = await withServer();
    const [server] = await vultr.findByTag(full, tag);
    if (!server) throw new Error('nothing was made');
    cloud.faults.add({ kind: 'locked', match: { method: 'DELETE', path: '/instances/*' }, times: 2 });
    await vultr.deleteResource(full, server);
    expect(cloud.account('a').instances).toEqual([]);
  });

  test('what may not be deleted stays, and the error says so', async () => {
    const { vultr, full, cloud } = await withServer();
    const [server] = await vultr.findByTag(full, tag);
    if (!server) throw new Error('nothing was made');
    cloud.faults.add({ kind: 'forbidden', match: { method: 'DELETE', path: '/instances/*' }, times: 1 });
    await expect(vultr.deleteResource(full, server)).rejects.toEqual(code('credential_powerless'));
    expect(await vultr.findByTag(full, tag)).toHaveLength(2);
  });
});

describe('power', () => {
  test('is switched off, on and round, and told', async () => {
    const { vultr, full, serverId, cloud, asked } = await withServer();
    const state = () => vultr.serverState(full, serverId, 'fra');
    expect(await state()).toEqual({
      id: serverId,
      power: 'running',
      status: 'active/running/ok',
      size: 'vc2-1c-2gb',
      region: 'fra',
    });
    await vultr.power(full, serverId, 'fra', 'shutdown');
    expect(await state()).toMatchObject({ power: 'stopped' });
    await vultr.power(full, serverId, 'fra', 'on');
    expect(await state()).toMatchObject({ power: 'running' });
    asked.length = 0;
    await vultr.power(full, serverId, 'fra', 'on');
    await vultr.power(full, serverId, 'fra', 'reboot');
    expect(asked.filter((line) => line.startsWith('POST'))).toEqual([
      `POST /v2/instances/${serverId}/reboot`,
    ]);
    const [row] = cloud.account('a').instances;
    if (row) row.health = 'locked';
    expect(await state()).toMatchObject({ power: 'changing' });
  });

  test('of a server that is gone is an error', async () => {
    const { vultr, full } = await vultrInProcess();
    await expect(vultr.power(full, '00000000-0000-4000-8000-000000000000', '', 'on')).rejects.toEqual(
      code('server_missing'),
    );
  });

  test('has a page in the console', async () => {
    const { vultr } = await vultrInProcess();
    expect(vultr.consoleUrl('a-b', 'fra')).toBe('https://my.vultr.com/subs/?id=a-b');
  });
});

describe('a firewall changed by hand', () => {
  test('is shown, rule by rule, and closed on request', async () => {
    const { vultr, full, cloud, groupId } = await withServer();
    const resources = await vultr.findByTag(full, tag);
    expect(await vultr.inspect?.(full, resources)).toEqual([]);
    cloud.byHand.openFirewall(groupId);
    expect(await vultr.inspect?.(full, resources)).toEqual([
      {
        kind: 'firewall',
        id: groupId,
        name: tag,
        what: 'changed',
        changes: [{ property: 'inbound rule 1', expected: null, found: 'tcp 22 from 0.0.0.0/0' }],
        repairable: true,
        fix: expect.stringContaining('nothing is let in'),
      },
    ]);
    const firewall = resources.find(({ kind }) => kind === 'firewall');
    if (firewall) await vultr.closeFirewall?.(full, firewall);
    expect(await vultr.inspect?.(full, resources)).toEqual([]);
  });
});

describe('passing troubles', () => {
  test('a rate limit, which says nothing of its end, is waited out with growing pauses', async () => {
    const { vultr, full, cloud, pauses } = await vultrInProcess();
    cloud.faults.add({ kind: 'rate_limit', match: { method: 'GET', path: '/account' }, times: 2 });
    await vultr.whoAmI(full);
    expect(pauses).toEqual([300, 600]);
  });

  test('a cloud under maintenance ends the attempts', async () => {
    const { vultr, full, cloud, asked } = await vultrInProcess();
    cloud.faults.add({ kind: 'maintenance', match: { method: 'GET', path: '/account' } });
    await expect(vultr.whoAmI(full)).rejects.toEqual(code('cloud_maintenance'));
    expect(asked).toHaveLength(4);
  });
});

describe('texts of the engine', async () => {
  const { vultr } = await vultrInProcess({}, { egressAddresses: ['192.0.2.1'] });
  const said = (error: string, status: number) =>
    `error creating server: ${JSON.stringify({ error, status })}`;
  test.each([
    [
      said(
        'Server add failed: You have reached the maximum number of active virtual machines for this account. For security reasons, please contact our support team to have the limit raised',
        400,
      ),
      'quota_reached',
    ],
    [said('Invalid plan chosen.', 400), 'size_unknown'],
    [said('Unauthorized IP address: 2001:db8::1', 401), 'address_not_allowed'],
    [said('Invalid API token.', 401), 'credential_rejected'],
    [
      'error destroying instance: {"error":"Unable to destroy server: Unable to remove VM: Server is currently locked","status":500}',
      'resource_locked',
    ],
    [
      'gave up after 4 attempts, last error: "{\\"status\\": 429,\\"error\\": \\"rate limit exceeded\\"}"',
      'cloud_rate_limited',
    ],
    [said('something of tomorrow', 400), 'cloud_refused'],
    ['Get "https://api.vultr.com/v2/instances": dial tcp: connection refused', 'cloud_unavailable'],
    ["timeout while waiting for state to become 'active'", 'cloud_unavailable'],
  ])('%s', (text, expected) => {
    expect(vultr.explain(text)?.code).toBe(expected);
  });
  test('an unknown text is not explained, and no text of Vultr reaches the person', () => {
    expect(vultr.explain('panic: {something else}')).toBe(null);
    const error = vultr.explain(said('leaky text about a limit', 400));
    expect(error).toBeInstanceOf(ProductError);
    expect(error?.message).not.toContain('leaky');
    const unbelievable = vultr.explain(said('Unauthorized IP address: 300.1.2.3', 401));
    expect(`${unbelievable?.message} ${unbelievable?.fix}`).not.toContain('300.1.2.3');
    expect(vultr.explain(said('Unauthorized IP address: 2001:db8::1', 401))?.fix).toContain(
      '2001:db8::1 and 192.0.2.1',
    );
  });
});
