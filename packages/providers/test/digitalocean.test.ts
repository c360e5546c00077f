import { inspect } from 'node:util';
import { Catalogue, ProductError } from '@claw-cloud/contracts';
import { defaultCatalogue } from '@claw-cloud/fake-clouds/digitalocean';
import { describe, expect, test } from 'vitest';
import { descriptor } from '../digitalocean/descriptor.ts';
import { policy } from '../digitalocean/policy.ts';
import { credential, digitaloceanInProcess, droplet, name, tag, wall } from './digitalocean-cloud.ts';

const code = (value: string) => expect.objectContaining({ code: value });
const wish = { region: 'fra1', size: 's-2vcpu-4gb', expectedMonthlyPrice: null };
const scopes = policy.permissions.map((permission) => permission.name);

describe('whose token it is', () => {
  test('says the team, the masked e-mail, the state and the limit', async () => {
    const { digitalocean, full } = await digitaloceanInProcess();
    expect(await digitalocean.whoAmI(full)).toEqual({
      label: 'DigitalOcean team team',
      detail: 's***@example.com, account active, up to 10 droplets',
    });
  });

  test('is not said where the token may not, and the scope is then missing by name', async () => {
    const { digitalocean, withScopes } = await digitaloceanInProcess();
    const weak = withScopes(scopes.filter((scope) => scope !== 'account:read'));
    expect((await digitalocean.whoAmI(weak)).detail).toBe('the token may not say whose');
    expect((await digitalocean.missingPermissions(weak)).map((entry) => entry.permission)).toEqual([
      'account:read',
    ]);
  });

  test('refuses what is no token before asking anybody, and an unknown one without repeating it', async () => {
    const { digitalocean, requests } = await digitaloceanInProcess();
    for (const text of ['short', `dop_v1_${'f'.repeat(63)}`, `dop_v1_${'f'.repeat(64)}\n`])
      await expect(digitalocean.whoAmI(credential(text))).rejects.toEqual(code('credential_rejected'));
    expect(requests).toEqual([]);
    const token = `dop_v1_${'e'.repeat(64)}`;
    const error: unknown = await digitalocean.whoAmI(credential(token)).catch((e: unknown) => e);
    expect(error).toEqual(code('credential_rejected'));
    expect(inspect(error, { depth: 9 })).not.toContain(token);
  });
});

describe('what a token may do', () => {
  test.each(scopes)('finds out that %s is missing, and makes nothing', async (scope) => {
    const { digitalocean, withScopes, state, requests } = await digitaloceanInProcess();
    const weak = withScopes(scopes.filter((other) => other !== scope));
    const missing = (await digitalocean.missingPermissions(weak)).map((entry) => entry.permission);
    // Sizes can't be read without regions.
    expect(missing).toEqual(scope === 'regions:read' ? ['regions:read', 'sizes:read'] : [scope]);
    expect(state).toMatchObject({ droplets: [], firewalls: [], tags: [], actions: [] });
    expect(requests.map((request) => request.method)).toContain('POST');
  });

  test('finds nothing missing for the scopes of the guide, and all that writes for a reader', async () => {
    const { digitalocean, withScopes, reader } = await digitaloceanInProcess();
    expect(await digitalocean.missingPermissions(withScopes(scopes))).toEqual([]);
    expect((await digitalocean.missingPermissions(reader)).map((entry) => entry.permission)).toEqual(
      scopes.filter((scope) => !scope.endsWith(':read')),
    );
  });

  test('stands in the guide and in the text to copy as it is checked', () => {
    const [method] = descriptor.methods;
    expect(JSON.parse(method?.policy?.text ?? '')).toEqual({ scopes });
    const steps = method?.steps.join('\n') ?? '';
    for (const resource of new Set(scopes.map((scope) => scope.split(':')[0])))
      expect(steps).toContain(`${resource} (`);
  });
});

describe('the catalogue', () => {
  test('holds what can run an assistant, to the last page, and keeps to the contract', async () => {
    const { digitalocean, full, requests } = await digitaloceanInProcess();
    const catalogue = Catalogue.parse(await digitalocean.catalogue(full));
    const sizes = new Map(catalogue.sizes.map((size) => [size.id, size]));
    expect(catalogue.currency).toBe('USD');
    expect(sizes.get('s-2vcpu-4gb')?.offers.find(({ region }) => region === 'fra1')).toEqual({
      region: 'fra1',
      available: true,
      monthly: 24,
      hourly: 0.0357,
    });
    expect(sizes.get('s-2vcpu-4gb')?.offers.find(({ region }) => region === 'blr1')?.available).toBe(false);
    expect(sizes.get('s-1vcpu-2gb')?.small).toBe(true);
    // Below the floor, retired, and with a graphics processor.
    for (const hidden of ['s-1vcpu-1gb', '4gb', 'gpu-h100x1-80gb']) expect(sizes.has(hidden)).toBe(false);
    expect(catalogue.regions.find(({ id }) => id === 'fra1')).toEqual({
      id: 'fra1',
      name: 'Frankfurt 1',
      country: 'DE',
      city: 'Frankfurt',
    });
    expect(catalogue.regions.some(({ id }) => id === 'nyc2')).toBe(false);
    expect(requests.every((request) => request.method === 'GET')).toBe(true);
  });

  test('reads every page of a list', async () => {
    const { digitalocean, full, state } = await digitaloceanInProcess();
    for (let index = 0; index < 450; index += 1)
      state.firewalls.push({
        id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
        name: index === 449 ? name : `other-${index}`,
        createdAt: '2026-01-01T00:00:00Z',
        inbound: [],
        outbound: [],
        dropletIds: [],
        tags: [],
      });
    expect(await digitalocean.findByTag(full, tag)).toHaveLength(1);
  });
});

describe('preflight', () => {
  type Cloud = Awaited<ReturnType<typeof digitaloceanInProcess>>;
  const judged = (cloud: Cloud, more: Partial<typeof wish> | object = {}, who = cloud.full) =>
    cloud.digitalocean.preflight(who, { ...wish, ...more });
  const blockersOf = async (...args: Parameters<typeof judged>) =>
    (await judged(...args)).blockers.map((blocker) => blocker.code);

  test('lets a possible deploy through and says what it costs', async () => {
    const cloud = await digitaloceanInProcess();
    expect(await judged(cloud, { expectedMonthlyPrice: 24 })).toEqual({
      blockers: [],
      warnings: [],
      offer: { monthlyPrice: 24, currency: 'USD', image: 'debian-13-x64', architecture: 'x86' },
    });
  });

  test.each([
    ['an unknown region', { region: 'moon1' }, ['region_unknown']],
    ['a closed region', { region: 'nyc2' }, ['region_unknown']],
    ['an unknown size', { size: 's-9000' }, ['size_unknown']],
    ['a retired size', { size: '4gb' }, ['size_unknown']],
    ['a size the region does not offer', { region: 'nyc1', size: 's-2vcpu-4gb-amd' }, ['size_unknown']],
    ['a size too small', { size: 's-1vcpu-1gb' }, ['size_too_small']],
    ['a sold-out size', { region: 'blr1' }, ['size_sold_out']],
    ['another price', { expectedMonthlyPrice: 3 }, ['price_changed']],
    [
      'two things at once, in order',
      { region: 'blr1', expectedMonthlyPrice: 1 },
      ['size_sold_out', 'price_changed'],
    ],
  ])('stops %s', async (_name, more, expected) => {
    expect(await blockersOf(await digitaloceanInProcess(), more)).toEqual(expected);
  });

  test('says of a region that exists and is closed what it is', async () => {
    const { blockers } = await judged(await digitaloceanInProcess(), { region: 'nyc2' });
    expect(blockers[0]?.message).toBe('New York 2 takes no new droplets at the moment.');
    expect(blockers[0]?.fix).toContain('nyc3');
  });

  test('stops an account that is locked, unconfirmed or can not pay, before anything else', async () => {
    const cloud = await digitaloceanInProcess({ dropletLimit: 0 });
    Object.assign(cloud.state, { emailVerified: false, status: 'warning', statusMessage: 'Payment failed' });
    expect(await blockersOf(cloud, { region: 'blr1' })).toEqual([
      'account_unverified',
      'billing_missing',
      'quota_reached',
      'size_sold_out',
    ]);
    cloud.state.status = 'locked';
    const { blockers } = await judged(cloud);
    expect(blockers[0]).toMatchObject({ code: 'cloud_account_locked' });
    expect(blockers.every((blocker) => blocker.fix !== '' && blocker.options.link)).toBe(true);
  });

  test('tells other warnings as such, and the last free droplet', async () => {
    const cloud = await digitaloceanInProcess({ dropletLimit: 1 });
    Object.assign(cloud.state, { status: 'warning', statusMessage: 'Unusual activity' });
    const { blockers, warnings } = await judged(cloud);
    expect(blockers).toEqual([]);
    expect(warnings.join('\n')).toMatch(/warning on this account[\s\S]*last of the 1 droplets/);
    expect(warnings.join('\n')).not.toContain('Unusual activity');
    await cloud.call(cloud.full, 'POST', '/v2/droplets', droplet());
    expect(await judged(cloud)).toMatchObject({
      blockers: [{ code: 'quota_reached', message: 'The account has 1 of the 1 droplets it may have.' }],
    });
  });

  test('stops without the image, and names the scopes a token lacks', async () => {
    const images = defaultCatalogue.images.filter((entry) => entry.slug !== 'debian-13-x64');
    const without = await digitaloceanInProcess({ catalogue: { ...defaultCatalogue, images } });
    expect(await blockersOf(without)).toEqual(['image_unavailable']);
    const cloud = await digitaloceanInProcess();
    const { blockers } = await judged(cloud, {}, cloud.reader);
    expect(blockers[0]?.message).toContain('droplet:create');
    expect(await blockersOf(cloud, {}, credential(`dop_v1_${'e'.repeat(64)}`))).toEqual([
      'credential_rejected',
    ]);
  });
});

describe('a server', () => {
  async function withDroplet() {
    const cloud = await digitaloceanInProcess();
    const made = await cloud.call(cloud.full, 'POST', '/v2/droplets', droplet());
    const { droplet: row } = (await made.json()) as { droplet: { id: number } };
    await cloud.cloud.idle();
    return { ...cloud, id: String(row.id) };
  }

  test('is switched off, on and over again, and says how it is', async () => {
    const { digitalocean, full, id, cloud } = await withDroplet();
    const power = async () => (await digitalocean.serverState(full, id, 'fra1'))?.power;
    expect(await digitalocean.serverState(full, id, 'fra1')).toEqual({
      id,
      power: 'running',
      status: 'active',
      size: 's-2vcpu-4gb',
      region: 'fra1',
    });
    await digitalocean.power(full, id, 'fra1', 'shutdown');
    expect(await power()).toBe('stopped');
    await digitalocean.power(full, id, 'fra1', 'off');
    await digitalocean.power(full, id, 'fra1', 'on');
    expect(await power()).toBe('running');
    await digitalocean.power(full, id, 'fra1', 'reboot');
    expect(await power()).toBe('running');
    const types = cloud.accounts()[0]?.actions.map((action) => action.type);
    // What is off already isn't switched off again.
    expect(types).toEqual(['create', 'shutdown', 'power_on', 'reboot']);
  });

  test('waits for what is under way instead of failing, and says when it is gone', async () => {
    const { digitalocean, full, id, cloud, state, call } = await withDroplet();
    cloud.faults.add({ kind: 'locked', match: { method: 'POST', path: '/droplets/*/actions' }, times: 2 });
    await digitalocean.power(full, id, 'fra1', 'off');
    expect(state.droplets[0]?.status).toBe('off');
    await call(full, 'DELETE', `/v2/droplets/${id}`);
    await cloud.idle();
    expect(await digitalocean.serverState(full, id, 'fra1')).toBe(null);
    await expect(digitalocean.power(full, id, 'fra1', 'on')).rejects.toEqual(code('server_missing'));
  });

  test('may have a larger size, and none with a smaller disk', async () => {
    const { digitalocean, full, id } = await withDroplet();
    const resize = (size: string, more: object = {}) =>
      digitalocean.preflightResize(full, { ...wish, size, serverId: id, ...more });
    expect(await resize('s-4vcpu-8gb', { expectedMonthlyPrice: 48 })).toMatchObject({
      blockers: [],
      offer: { monthlyPrice: 48 },
    });
    expect((await resize('s-1vcpu-2gb')).blockers.map((blocker) => blocker.code)).toEqual([
      'resize_impossible',
    ]);
    expect((await resize('s-9000')).blockers.map((blocker) => blocker.code)).toEqual(['size_unknown']);
    await expect(resize('s-4vcpu-8gb', { serverId: '5' })).rejects.toEqual(code('server_missing'));
  });

  test('has a page of its own in the console', async () => {
    const { digitalocean } = await digitaloceanInProcess();
    expect(digitalocean.consoleUrl('3164444', 'fra1')).toBe(
      'https://cloud.digitalocean.com/droplets/3164444',
    );
  });
});

describe('what bears a tag', () => {
  async function withAll() {
    const all = await digitaloceanInProcess();
    const other = 'claw-ins_000000000000000000000002';
    await all.call(all.full, 'POST', '/v2/droplets', droplet());
    await all.call(all.full, 'POST', '/v2/firewalls', wall());
    await all.call(all.full, 'POST', '/v2/droplets', droplet({ name: 'mine', tags: ['web', other] }));
    // An owner's own firewall that guards ours is still the owner's.
    await all.call(all.full, 'POST', '/v2/firewalls', wall({ name: 'mine', tags: [tag] }));
    await all.cloud.idle();
    return { ...all, other };
  }

  test('is found by tag, name and itself, servers first', async () => {
    const { digitalocean, full } = await withAll();
    const found = await digitalocean.findByTag(full, tag);
    expect(found.map((entry) => [entry.kind, entry.name])).toEqual([
      ['server', name],
      ['firewall', name],
      ['tag', tag],
    ]);
    expect(await digitalocean.findByTag(full, 'claw-ins_00000000000000000000000')).toEqual([]);
    expect(await digitalocean.stillExisting(full, found)).toEqual(found);
  });

  test('is found without knowing the tag, a bare tag too', async () => {
    const { digitalocean, full, other, state, cloud } = await withAll();
    const found = await digitalocean.findTagged(full);
    expect(found.map((entry) => [entry.kind, entry.name, entry.tag])).toEqual([
      ['server', name, tag],
      ['server', 'mine', other],
      ['firewall', name, tag],
    ]);
    await cloud.byHand.deleteDroplet(state.droplets[1]?.id ?? 0);
    expect((await digitalocean.findTagged(full)).map((entry) => [entry.kind, entry.tag])).toEqual([
      ['server', tag],
      ['firewall', tag],
      ['tag', other],
    ]);
  });

  test('is deleted until nothing is left, the tag with its last droplet', async () => {
    const { digitalocean, full, cloud, state } = await withAll();
    cloud.faults.add({
      kind: 'error_after_effect',
      match: { method: 'DELETE', path: '/firewalls/*' },
      times: 1,
    });
    cloud.faults.add({ kind: 'locked', match: { method: 'DELETE', path: '/droplets/*' }, times: 1 });
    const [server, firewall] = await digitalocean.findByTag(full, tag);
    if (!server || !firewall) throw new Error('nothing was found');
    await digitalocean.deleteResource(full, server);
    expect(state.tags).toEqual(['web', 'claw-ins_000000000000000000000002']);
    await digitalocean.deleteResource(full, firewall);
    await digitalocean.deleteResource(full, firewall);
    expect(await digitalocean.findByTag(full, tag)).toEqual([]);
    expect(await digitalocean.stillExisting(full, [server, firewall])).toEqual([]);
    expect(state.firewalls.map((row) => row.name)).toEqual(['mine']);
  });
});

describe('passing troubles', () => {
  test('a read is tried again, and a rate limit is waited out for as long as it says', async () => {
    const { digitalocean, full, cloud, pauses } = await digitaloceanInProcess();
    cloud.faults.add({ kind: 'maintenance', match: { method: 'GET', path: '/account' }, times: 1 });
    cloud.faults.add({ kind: 'rate_limit', match: { path: '/account' }, times: 1, delayMs: 7_000 });
    await digitalocean.whoAmI(full);
    expect(pauses[0]).toBe(300);
    expect(pauses[1]).toBeGreaterThan(5_000);
    expect(pauses).toHaveLength(2);
  });

  test('a limit that lifts much later is told, with the time', async () => {
    const { digitalocean, full, cloud } = await digitaloceanInProcess();
    cloud.faults.add({ kind: 'rate_limit', delayMs: 1_800_000 });
    const error: unknown = await digitalocean.whoAmI(full).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ProductError);
    expect(error).toMatchObject({
      code: 'cloud_rate_limited',
      message: expect.stringMatching(/before \d\d:\d\d UTC/),
    });
  });
});
