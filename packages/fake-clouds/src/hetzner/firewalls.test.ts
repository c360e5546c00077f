import { expect, test } from 'vitest';
import { cloudForTest, serverBody } from '../test-client.ts';

const rule = { direction: 'out', protocol: 'tcp', port: '443', destination_ips: ['0.0.0.0/0', '::/0'] };

test('a firewall can only go when nothing uses it any more', async () => {
  const { cloud, caller } = cloudForTest();
  const call = caller();
  const { firewall } = (await call('POST', '/firewalls', { name: 'f', rules: [rule], labels: { a: 'b' } }))
    .body;
  const server = (await call('POST', '/servers', serverBody('a', { firewalls: [{ firewall: firewall.id }] })))
    .body.server;
  expect(server.public_net.firewalls).toEqual([{ id: firewall.id, status: 'applied' }]);
  expect((await call('GET', '/firewalls?label_selector=a%3Db')).body.firewalls).toMatchObject([
    { applied_to: [{ type: 'server', server: { id: server.id } }] },
  ]);
  expect(await call('DELETE', `/firewalls/${firewall.id}`)).toMatchObject({
    status: 409,
    body: { error: { code: 'resource_in_use' } },
  });
  const target = [{ type: 'server', server: { id: server.id } }];
  expect(
    (await call('POST', `/firewalls/${firewall.id}/actions/remove_from_resources`, { remove_from: target }))
      .status,
  ).toBe(201);
  expect(
    (await call('POST', `/firewalls/${firewall.id}/actions/remove_from_resources`, { remove_from: target }))
      .body.error.code,
  ).toBe('firewall_already_removed');
  expect((await call('DELETE', `/firewalls/${firewall.id}`)).status).toBe(204);
  await cloud.idle();
});

test('a firewall applied by label covers the servers that bear it', async () => {
  const { caller } = cloudForTest();
  const call = caller();
  const server = (await call('POST', '/servers', serverBody('a', { labels: { app: 'x' } }))).body.server;
  const applyTo = [{ type: 'label_selector', label_selector: { selector: 'app in (x, y)' } }];
  const { firewall } = (await call('POST', '/firewalls', { name: 'f', rules: [rule], apply_to: applyTo }))
    .body;
  expect(firewall.applied_to[0].applied_to_resources).toEqual([
    { type: 'server', server: { id: server.id } },
  ]);
  expect((await call('GET', `/servers/${server.id}`)).body.server.public_net.firewalls).toHaveLength(1);
  expect((await call('DELETE', `/firewalls/${firewall.id}`)).body.error.code).toBe('resource_in_use');
});

test.each([
  ['a rule without networks', { ...rule, destination_ips: [] }],
  ['tcp without a port', { ...rule, port: undefined }],
  ['a port for icmp', { ...rule, protocol: 'icmp' }],
  ['a network that is none', { ...rule, destination_ips: ['10.0.0.0/33'] }],
])('refuses %s', async (_what, bad) => {
  const { caller } = cloudForTest();
  expect((await caller()('POST', '/firewalls', { name: 'f', rules: [bad] })).body.error.code).toBe(
    'invalid_input',
  );
});

test('a firewall name is taken once, rules and labels can change', async () => {
  const { caller } = cloudForTest();
  const call = caller();
  const { firewall } = (await call('POST', '/firewalls', { name: 'f' })).body;
  expect((await call('POST', '/firewalls', { name: 'f' })).body.error.code).toBe('uniqueness_error');
  await call('POST', `/firewalls/${firewall.id}/actions/set_rules`, { rules: [rule] });
  await call('PUT', `/firewalls/${firewall.id}`, { name: 'g', labels: { k: 'v' } });
  expect((await call('GET', `/firewalls/${firewall.id}`)).body.firewall).toMatchObject({
    name: 'g',
    labels: { k: 'v' },
    rules: [{ port: '443', source_ips: [], description: null }],
  });
});
