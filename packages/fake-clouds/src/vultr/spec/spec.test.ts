import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createPaperMachines } from '../../machines/driver.ts';
import { createVultrCloud, type VultrCloudOptions } from '../cloud.ts';
import { createVultrSpec } from './index.ts';

const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'vultr.json');
const absent = !existsSync(specPath);
const note = `SKIPPED: the vendor's description is not at ${specPath} (CLAW_SPECS_DIR says where)`;
if (absent) console.warn(note);

function openCloud(options: Partial<VultrCloudOptions> = {}) {
  const validator = createVultrSpec(specPath);
  const cloud = createVultrCloud({
    machines: createPaperMachines(),
    actionMs: 1,
    validate: validator.middleware,
    ...options,
  });
  const key = cloud.issueKey({ account: 'a' });
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await cloud.app.request(`/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? undefined : JSON.parse(text)) as ReturnType<typeof JSON.parse>,
    };
  };
  return { cloud, validator, call };
}

test('everything this cloud is asked and says keeps to the vendor description', async ({ skip }) => {
  skip(absent, note);
  const { cloud, validator, call } = openCloud();
  for (const list of [
    'account',
    'regions',
    'plans',
    'os',
    'instances',
    'firewalls',
    'blocks',
    'reserved-ips',
    'vpcs',
  ])
    expect((await call('GET', `/${list}`)).status, list).toBe(200);
  await call('GET', '/plans?type=vc2&per_page=2');
  await call('GET', '/regions/fra/availability?type=vc2');

  const group = (await call('POST', '/firewalls', { description: 'claw-ins_a' })).body.firewall_group;
  expect((await call('GET', `/firewalls/${group.id}`)).status).toBe(200);
  expect((await call('PUT', `/firewalls/${group.id}`, { description: 'claw-ins_a' })).status).toBe(204);
  const { firewall_rule: rule } = (
    await call('POST', `/firewalls/${group.id}/rules`, {
      ip_type: 'v4',
      protocol: 'tcp',
      subnet: '0.0.0.0',
      subnet_size: 0,
      port: '22',
    })
  ).body;
  await call('GET', `/firewalls/${group.id}/rules?per_page=500`);
  expect((await call('GET', `/firewalls/${group.id}/rules/${rule.id}`)).status).toBe(200);
  expect((await call('DELETE', `/firewalls/${group.id}/rules/${rule.id}`)).status).toBe(204);

  const made = await call('POST', '/instances', {
    region: 'fra',
    plan: 'vc2-1c-2gb',
    os_id: 2625,
    label: 'a',
    hostname: 'a',
    tags: ['claw-ins_a'],
    user_data: Buffer.from('#cloud-config\n').toString('base64'),
    enable_ipv6: true,
    backups: 'disabled',
    ddos_protection: false,
    activation_email: false,
    firewall_group_id: group.id,
  });
  expect(made.status).toBe(202);
  const at = `/instances/${made.body.instance.id}`;
  await cloud.idle();
  await call('GET', '/instances?tag=claw-ins_a&per_page=500');
  for (const part of ['', '/backup-schedule', '/vpcs', '/user-data', '/upgrades?type=plans'])
    expect((await call('GET', `${at}${part}`)).status, part).toBe(200);
  for (const verb of ['halt', 'start', 'reboot'])
    expect((await call('POST', `${at}/${verb}`)).status).toBe(204);
  expect((await call('PATCH', at, { plan: 'vc2-2c-4gb', label: 'a', enable_ipv6: true })).status).toBe(202);
  await cloud.idle();
  expect((await call('GET', at)).body.instance).toMatchObject({
    plan: 'vc2-2c-4gb',
    power_status: 'running',
  });

  const block = (await call('POST', '/blocks', { region: 'fra', size_gb: 10, label: 'b' })).body.block;
  const ip = (await call('POST', '/reserved-ips', { region: 'fra', ip_type: 'v4', label: 'i' })).body
    .reserved_ip;
  for (const path of [`/blocks/${block.id}`, `/reserved-ips/${ip.id}`]) {
    expect((await call('GET', path)).status).toBe(200);
    expect((await call('DELETE', path)).status).toBe(204);
  }
  expect((await call('DELETE', at)).status).toBe(204);
  expect((await call('GET', at)).status).toBe(404);
  expect((await call('DELETE', `/firewalls/${group.id}`)).status).toBe(204);
  for (const kind of ['quota', 'rate_limit', 'unauthorized', 'maintenance', 'locked'] as const) {
    cloud.faults.add({ kind, times: 1 });
    const answer = await call('POST', '/instances', { region: 'fra', plan: 'vc2-1c-2gb', os_id: 2625 });
    // The body says the status once more, as the vendor's clients read it.
    expect(answer.body).toEqual({ error: expect.any(String), status: answer.status });
  }

  expect(validator.violations).toEqual([]);
  expect([...validator.seen]).toEqual(
    expect.arrayContaining([
      'POST /instances',
      'PATCH /instances/{instance-id}',
      'GET /instances/{instance-id}/upgrades',
      'GET /regions/{region-id}/availability',
      'DELETE /firewalls/{firewall-group-id}/rules/{firewall-rule-id}',
    ]),
  );
  expect(validator.seen.size).toBeGreaterThanOrEqual(30);
});

test('the validator notices what the description forbids', async ({ skip }) => {
  skip(absent, note);
  const { validator, call } = openCloud();
  await call('GET', '/instances?colour=red');
  await call('POST', '/instances', {
    region: 'fra',
    plan: 'vc2-1c-2gb',
    os_id: 2625,
    tags: [],
    label: 'a',
    hostname: 7,
  });
  await call('POST', '/instances', {
    region: 'fra',
    plan: 'vc2-1c-2gb',
    os_id: 2625,
    activation_email: 'no',
  });
  await call('GET', '/limits');
  expect(validator.violations.map(({ operation, where }) => `${where} of ${operation}`)).toEqual([
    'query of GET /instances',
    'request of POST /instances',
    'path of GET /limits',
  ]);
  expect(validator.checkResponse('GET', '/account', 200, { account: { acls: 'all' } })).toHaveLength(1);
});
