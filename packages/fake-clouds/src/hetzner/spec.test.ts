import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { SpecValidator } from '../spec/spec-validator.ts';
import { createSpecValidator } from '../spec/spec-validator.ts';
import { cloudForTest, serverBody } from '../test-client.ts';
import { hetznerSpec } from './spec.ts';

const specsDir =
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../../../shared/specs', import.meta.url));
const specPath = join(specsDir, 'hetzner.json');
const absent = !existsSync(specPath);
const note = `SKIPPED: the vendor's description is not at ${specPath} (CLAW_SPECS_DIR says where)`;

let validator: SpecValidator;

beforeAll(() => {
  if (absent) console.warn(note);
  else validator = createSpecValidator(specPath, hetznerSpec);
});

test('everything this cloud is asked and says keeps to the vendor description', async ({ skip }) => {
  skip(absent, note);
  const { cloud, caller } = cloudForTest({ validate: validator.middleware });
  const call = caller();
  const rules = [
    { direction: 'in', protocol: 'udp', port: '60000-61000', source_ips: ['10.0.0.0/8'], description: 'x' },
    { direction: 'out', protocol: 'icmp', destination_ips: ['::/0'] },
  ];

  for (const list of [
    'locations',
    'datacenters',
    'server_types',
    'images',
    'pricing',
    'servers',
    'firewalls',
    'primary_ips',
    'ssh_keys',
    'volumes',
    'networks',
    'floating_ips',
    'placement_groups',
    'load_balancers',
    'load_balancer_types',
    'certificates',
    'isos',
    'servers/actions',
    'firewalls/actions',
    'primary_ips/actions',
  ]) {
    expect((await call('GET', `/${list}`)).status, list).toBe(200);
  }
  await call('GET', '/server_types?name=cx23&page=1&per_page=50');
  await call(
    'GET',
    '/images?name=debian-13&architecture=arm&include_deprecated=true&type=system&status=available&sort=name:asc',
  );
  await call('GET', '/locations/1');
  await call('GET', '/datacenters/4');
  await call('GET', '/server_types/114');
  await call('GET', '/images/310557660');
  for (const kind of [
    'ssh_keys',
    'volumes',
    'networks',
    'servers',
    'firewalls',
    'primary_ips',
    'actions',
    'images',
  ]) {
    expect((await call('GET', `/${kind}/1`)).status, kind).toBe(404);
  }

  const firewall = (
    await call('POST', '/firewalls', { name: 'f', rules, labels: { 'claw-cloud': 'claw-ins_a' } })
  ).body.firewall;
  const made = await call(
    'POST',
    '/servers',
    serverBody('a', {
      labels: { 'claw-cloud': 'claw-ins_a' },
      firewalls: [{ firewall: firewall.id }],
      user_data: '#cloud-config\n',
      public_net: { enable_ipv4: true, enable_ipv6: true },
      start_after_create: true,
    }),
  );
  const server = made.body.server;
  await call('GET', `/actions?id=${made.body.action.id}&sort=status&sort=id&page=1`);
  await call('GET', `/actions/${made.body.action.id}`);
  await cloud.idle();
  await call('GET', `/servers/${server.id}`);
  await call(
    'GET',
    '/servers?name=a&label_selector=claw-cloud%3Dclaw-ins_a&sort=created:desc&status=running&per_page=1',
  );
  await call('PUT', `/servers/${server.id}`, { name: 'a2', labels: {} });
  for (const action of ['reboot', 'reset', 'request_console', 'shutdown', 'poweron', 'poweroff']) {
    expect((await call('POST', `/servers/${server.id}/actions/${action}`)).status, action).toBe(201);
    await cloud.idle();
  }
  const change = { server_type: 'cx33', upgrade_disk: true };
  expect((await call('POST', `/servers/${server.id}/actions/change_type`, change)).status).toBe(201);
  expect((await call('GET', `/servers/${server.id}`)).body.server.status).toBe('migrating');
  await cloud.idle();
  await call('POST', `/servers/${server.id}/actions/change_protection`, { delete: false, rebuild: false });
  await call('GET', `/servers/${server.id}/actions?status=success&sort=id:desc`);
  await call('GET', `/servers/${server.id}/actions/${made.body.action.id}`);
  await call('GET', `/servers/actions/${made.body.action.id}`);

  await call('GET', `/firewalls/${firewall.id}`);
  await call('PUT', `/firewalls/${firewall.id}`, { name: 'f2', labels: { a: '' } });
  const target = [
    { type: 'server', server: { id: server.id } },
    { type: 'label_selector', label_selector: { selector: 'a=b' } },
  ];
  await call('POST', `/firewalls/${firewall.id}/actions/set_rules`, { rules: [] });
  await call('POST', `/firewalls/${firewall.id}/actions/apply_to_resources`, { apply_to: target });
  await call('GET', '/firewalls?name=f2');
  await call('DELETE', `/firewalls/${firewall.id}`);
  await call('POST', `/firewalls/${firewall.id}/actions/remove_from_resources`, { remove_from: target });
  await cloud.idle();
  await call('GET', `/firewalls/${firewall.id}/actions`);

  const ip = (
    await call('POST', '/primary_ips', {
      name: 'ip',
      type: 'ipv4',
      assignee_type: 'server',
      location: 'nbg1',
    })
  ).body.primary_ip;
  await call('GET', `/primary_ips/${ip.id}`);
  await call('PUT', `/primary_ips/${ip.id}`, { name: 'ip2', auto_delete: true });
  await call('GET', '/primary_ips?label_selector=a');
  expect((await call('DELETE', `/primary_ips/${ip.id}`)).status).toBe(204);

  await call('DELETE', `/servers/${server.id}`);
  await cloud.idle();
  expect((await call('DELETE', `/firewalls/${firewall.id}`)).status).toBe(204);
  await call('POST', '/servers', serverBody('')); // 422
  for (const kind of [
    'quota',
    'rate_limit',
    'unauthorized',
    'maintenance',
    'locked',
    'error_after_effect',
  ] as const) {
    cloud.faults.add({ kind, times: 1 });
    expect(
      (await call('POST', '/servers', serverBody(`x-${kind.replaceAll('_', '-')}`))).body.error,
    ).toBeDefined();
  }

  expect(validator.violations).toEqual([]);
  expect([...validator.seen]).toEqual(
    expect.arrayContaining([
      'POST /servers',
      'DELETE /servers/{id}',
      'GET /servers/actions/{id}',
      'POST /servers/{id}/actions/change_type',
      'GET /pricing',
      'POST /firewalls/{id}/actions/apply_to_resources',
      'POST /primary_ips',
      'GET /actions',
    ]),
  );
  expect(validator.seen.size).toBeGreaterThanOrEqual(56);
});

test('the validator notices what a description forbids', async ({ skip }) => {
  skip(absent, note);
  const strict = createSpecValidator(specPath, hetznerSpec);
  const { cloud, caller } = cloudForTest({ validate: strict.middleware });
  const call = caller();
  await call('GET', '/servers?colour=red');
  await call('POST', '/servers', serverBody('a', { labels: {}, server_type: 114 }));
  cloud.faults.add({ kind: 'omit_datacenter', times: 1 });
  await call('GET', '/servers');
  await call('GET', '/limits');
  expect(strict.violations.map(({ operation, where }) => `${where} of ${operation}`)).toEqual([
    'query of GET /servers',
    'request of POST /servers',
    'response of GET /servers',
    'path of GET /limits',
  ]);
  expect(strict.checkResponse('GET', '/servers/5', 200, { server: { id: 'five' } })).toHaveLength(1);
});
