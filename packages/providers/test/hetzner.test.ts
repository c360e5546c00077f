import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Catalogue, ProductError } from '@claw-cloud/contracts';
import { hetznerSpec } from '@claw-cloud/fake-clouds';
import { createSpecValidator } from '@claw-cloud/fake-clouds/spec';
import { describe, expect, test } from 'vitest';
import type { ProviderOptions } from '../index.ts';
import { credential, labels, inProcessCloud as openCloud, tag } from './in-process-cloud.ts';

const specPath = join(
  process.env.CLAW_SPECS_DIR ?? fileURLToPath(new URL('../../../../shared/specs', import.meta.url)),
  'hetzner.json',
);
const spec = existsSync(specPath) ? createSpecValidator(specPath, hetznerSpec) : null;

/** All that is sent and answered is held against the vendor's description, where that is at hand. */
const inProcessCloud: typeof openCloud = (options, more) =>
  openCloud({ ...(spec ? { validate: spec.middleware } : {}), ...options }, more);

const code = (value: string) => expect.objectContaining({ code: value });
const wish = { region: 'fsn1', size: 'cx23', expectedMonthlyPrice: null };

describe('whose token it is', () => {
  test('says how many servers the project holds', async () => {
    const { hetzner, readWrite } = await inProcessCloud();
    expect(await hetzner.whoAmI(readWrite)).toEqual({
      label: 'Hetzner Cloud project',
      detail: 'holds 0 servers now',
    });
  });

  test('refuses a token of another length before asking anybody', async () => {
    const { hetzner, cloud } = await inProcessCloud();
    await expect(hetzner.whoAmI(credential('short'))).rejects.toEqual(code('credential_rejected'));
    await expect(hetzner.whoAmI(credential(`${'x'.repeat(63)}\n`))).rejects.toThrow(
      'other characters than letters',
    );
    expect(cloud.requestCount()).toBe(0);
  });

  test('refuses a token that Hetzner does not know, and does not repeat it', async () => {
    const { hetzner } = await inProcessCloud();
    const token = 'wrong'.padEnd(64, 'w');
    const error: unknown = await hetzner.whoAmI(credential(token)).catch((e: unknown) => e);
    expect(error).toEqual(code('credential_rejected'));
    expect(inspect(error, { depth: 9 })).not.toContain(token);
  });
});

describe('what a token may do', () => {
  test('finds a read-only token by a write that nobody may make', async () => {
    const { hetzner, readOnly, readWrite, cloud, call } = await inProcessCloud();
    expect(await hetzner.missingPermissions(readOnly)).toEqual([
      expect.objectContaining({ permission: 'Read & Write' }),
    ]);
    expect(await hetzner.missingPermissions(readWrite)).toEqual([]);
    expect(await (await call(readWrite, 'GET', '/firewalls')).json()).toMatchObject({ firewalls: [] });
    expect(cloud.history()).toEqual([]);
  });
});

describe('the catalogue', () => {
  test('holds what can run an assistant, with prices as billed, and keeps to the contract', async () => {
    const { hetzner, readWrite } = await inProcessCloud();
    const catalogue = Catalogue.parse(await hetzner.catalogue(readWrite));
    const sizes = new Map(catalogue.sizes.map((size) => [size.id, size]));
    // 3.49 and 0.50 for the address, both with 19 % VAT.
    expect(sizes.get('cx23')?.offers.find((offer) => offer.region === 'fsn1')).toMatchObject({
      monthly: 4.7481,
      available: true,
    });
    expect(sizes.get('cx53')?.offers.find((offer) => offer.region === 'hel1')?.available).toBe(false);
    expect(sizes.get('cpx12')).toMatchObject({ small: true });
    expect(sizes.get('cx33')).toMatchObject({ small: false });
    expect(catalogue.currency).toBe('EUR');
    expect(catalogue.regions.map((region) => region.id)).toContain('sin');
  });

  test('hides what is retired, by the clock it is given', async () => {
    const early = await inProcessCloud(
      { now: () => new Date('2025-11-01') },
      { now: () => new Date('2025-11-01T00:00:00Z') },
    );
    expect((await early.hetzner.catalogue(early.readWrite)).sizes.some(({ id }) => id === 'cx22')).toBe(true);
    const late = await inProcessCloud();
    expect((await late.hetzner.catalogue(late.readWrite)).sizes.some(({ id }) => id === 'cx22')).toBe(false);
  });

  test('reads every page of a list', async () => {
    const { hetzner, readWrite, call } = await inProcessCloud();
    for (let index = 0; index < 60; index += 1)
      await call(readWrite, 'POST', '/firewalls', { name: `wall-${index}`, labels });
    expect(await hetzner.findByTag(readWrite, tag)).toHaveLength(60);
  });
});

describe('preflight', () => {
  const blockersOf = async (
    cloud: Awaited<ReturnType<typeof inProcessCloud>>,
    more: Partial<{ region: string; size: string; expectedMonthlyPrice: number }> = {},
    who = cloud.readWrite,
  ) => (await cloud.hetzner.preflight(who, { ...wish, ...more })).blockers.map((blocker) => blocker.code);

  test('lets a possible deploy through and says what it costs', async () => {
    const cloud = await inProcessCloud();
    expect(
      await cloud.hetzner.preflight(cloud.readWrite, { ...wish, expectedMonthlyPrice: 4.75 }),
    ).toMatchObject({
      blockers: [],
      offer: { monthlyPrice: 4.7481, currency: 'EUR', image: 'debian-13', architecture: 'x86' },
    });
  });

  test.each([
    ['an unknown region', { region: 'moon' }, ['region_unknown']],
    ['an unknown size', { size: 'cx9000' }, ['size_unknown']],
    ['a size the region does not offer', { region: 'ash' }, ['size_unknown']],
    ['a retired size', { size: 'cx22' }, ['size_unknown']],
    ['a sold-out size', { region: 'hel1', size: 'cx53' }, ['size_sold_out']],
    ['another price', { expectedMonthlyPrice: 3 }, ['price_changed']],
    [
      'two things at once, in order',
      { region: 'hel1', size: 'cx53', expectedMonthlyPrice: 1 },
      ['size_sold_out', 'price_changed'],
    ],
  ])('stops %s', async (_name, more, expected) => {
    expect(await blockersOf(await inProcessCloud(), more)).toEqual(expected);
  });

  test('stops a size too small, one without the image, a read-only and an unknown token', async () => {
    const { defaultCatalogue } = await import('@claw-cloud/fake-clouds');
    const tiny = defaultCatalogue.serverTypes.map((entry) =>
      entry.name === 'cx23' ? { ...entry, memory: 1 } : entry,
    );
    const small = await inProcessCloud({ catalogue: { ...defaultCatalogue, serverTypes: tiny } });
    expect(await blockersOf(small)).toEqual(['size_too_small']);
    const images = defaultCatalogue.images.filter((entry) => entry.architecture === 'arm');
    expect(await blockersOf(await inProcessCloud({ catalogue: { ...defaultCatalogue, images } }))).toEqual([
      'image_unavailable',
    ]);
    const cloud = await inProcessCloud();
    expect(await blockersOf(cloud, {}, cloud.readOnly)).toEqual(['credential_powerless']);
    expect(await blockersOf(cloud, {}, credential('w'.repeat(64)))).toEqual(['credential_rejected']);
  });

  test('every blocker names its fix', async () => {
    const cloud = await inProcessCloud();
    const { blockers } = await cloud.hetzner.preflight(cloud.readWrite, {
      ...wish,
      size: 'cx53',
      region: 'hel1',
    });
    expect(blockers[0]?.fix).toContain('fsn1');
  });
});

describe('passing troubles', () => {
  test('a read is tried again, later each time', async () => {
    const { hetzner, readWrite, cloud, pauses } = await inProcessCloud();
    cloud.faults.add({ kind: 'error_before_effect', match: { method: 'GET', path: '/servers' }, times: 2 });
    await hetzner.whoAmI(readWrite);
    expect(pauses).toEqual([300, 600]);
  });

  test('a rate limit is waited out for as long as it says', async () => {
    const { hetzner, readWrite, cloud, pauses } = await inProcessCloud();
    cloud.faults.add({ kind: 'rate_limit', match: { method: 'GET', path: '/servers' }, times: 1 });
    await hetzner.whoAmI(readWrite);
    expect(pauses[0]).toBeGreaterThan(500);
    expect(pauses[0]).toBeLessThanOrEqual(3_000);
  });

  test('a cloud that stays down ends the attempts', async () => {
    const { hetzner, readWrite, cloud } = await inProcessCloud();
    cloud.faults.add({ kind: 'maintenance', match: { method: 'GET', path: '/servers' } });
    await expect(hetzner.whoAmI(readWrite)).rejects.toEqual(code('cloud_maintenance'));
    expect(cloud.requestCount()).toBe(4);
  });

  test('a write is sent once', async () => {
    const { hetzner, readWrite, cloud } = await inProcessCloud();
    cloud.faults.add({ kind: 'error_before_effect', match: { method: 'POST', path: '/firewalls' } });
    await expect(hetzner.missingPermissions(readWrite)).rejects.toEqual(code('cloud_unavailable'));
    expect(cloud.requestCount()).toBe(1);
  });

  test('a silent cloud is given up after the timeout', async () => {
    const { hetzner, readWrite } = await inProcessCloud(
      {},
      {
        timeoutMs: 20,
        fetch: ((_: URL, init?: RequestInit) =>
          new Promise((_resolve, reject) => {
            init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
          })) as unknown as typeof fetch,
      },
    );
    await expect(hetzner.whoAmI(readWrite)).rejects.toEqual(code('cloud_unavailable'));
  });

  test('a redirect is not followed: it would carry the token away', async () => {
    let asked: RequestInit | undefined;
    const { hetzner, readWrite } = await inProcessCloud(
      {},
      {
        fetch: (async (_: URL, init?: RequestInit) => {
          asked = init;
          return Response.json({ servers: [], meta: { pagination: { total_entries: 0 } } });
        }) as unknown as typeof fetch,
      },
    );
    await hetzner.whoAmI(readWrite);
    expect(asked?.redirect).toBe('error');
  });
});

describe('what bears the tag', () => {
  async function withServer() {
    const parts = await inProcessCloud();
    const { call, readWrite } = parts;
    const wall = (await (await call(readWrite, 'POST', '/firewalls', { name: 'wall', labels })).json()) as {
      firewall: { id: number };
    };
    await call(readWrite, 'POST', '/servers', {
      name: 'machine',
      server_type: 'cx23',
      image: 'debian-13',
      location: 'fsn1',
      labels,
      firewalls: [{ firewall: wall.firewall.id }],
    });
    await parts.cloud.idle();
    return parts;
  }

  test('is found with the addresses that hang on the server, and nothing else', async () => {
    const { hetzner, readWrite, call } = await withServer();
    await call(readWrite, 'POST', '/firewalls', { name: 'other', labels: { 'claw-cloud': `${tag}x` } });
    const found = await hetzner.findByTag(readWrite, tag);
    expect(found.map((entry) => entry.kind)).toEqual(['server', 'firewall', 'primary_ip', 'primary_ip']);
    expect(found.filter((entry) => entry.deletedWith === found[0]?.id)).toHaveLength(2);
  });

  test('is deleted one by one until nothing is left, the firewall as soon as it is free', async () => {
    const { hetzner, readWrite } = await withServer();
    const found = await hetzner.findByTag(readWrite, tag);
    const [server, firewall] = found;
    if (!server || !firewall) throw new Error('nothing was made');
    await hetzner.deleteResource(readWrite, server);
    await hetzner.deleteResource(readWrite, firewall);
    await hetzner.deleteResource(readWrite, firewall);
    expect(await hetzner.findByTag(readWrite, tag)).toEqual([]);
    expect(await hetzner.stillExisting(readWrite, found)).toEqual([]);
  });

  test('a delete that meets a busy cloud is asked for again', async () => {
    const { hetzner, readWrite, cloud } = await withServer();
    const [server] = await hetzner.findByTag(readWrite, tag);
    if (!server) throw new Error('nothing was made');
    cloud.faults.add({ kind: 'locked', match: { method: 'DELETE', path: '/servers/*' }, times: 2 });
    await hetzner.deleteResource(readWrite, server);
    expect(cloud.servers()).toEqual([]);
  });

  test('what may not be deleted stays, and the error says so', async () => {
    const { hetzner, readWrite, cloud } = await withServer();
    const [server] = await hetzner.findByTag(readWrite, tag);
    if (!server) throw new Error('nothing was made');
    cloud.faults.add({ kind: 'forbidden', match: { method: 'DELETE', path: '/servers/*' }, times: 1 });
    await expect(hetzner.deleteResource(readWrite, server)).rejects.toEqual(code('credential_powerless'));
    expect(await hetzner.findByTag(readWrite, tag)).toHaveLength(4);
  });

  test('a server is switched off and on, and its state is told', async () => {
    const { hetzner, readWrite } = await withServer();
    const [server] = await hetzner.findByTag(readWrite, tag);
    await hetzner.power(readWrite, server?.id ?? '', '', 'off');
    expect(await hetzner.serverState(readWrite, server?.id ?? '', '')).toMatchObject({
      power: 'stopped',
      status: 'off',
    });
    await hetzner.power(readWrite, server?.id ?? '', '', 'on');
    expect(await hetzner.serverState(readWrite, server?.id ?? '', '')).toMatchObject({
      power: 'running',
      size: 'cx23',
    });
    expect(await hetzner.serverState(readWrite, '999', '')).toBe(null);
    await expect(hetzner.power(readWrite, '999', '', 'on')).rejects.toEqual(code('server_missing'));
  });
});

describe('power', () => {
  async function withPower(more: ProviderOptions = {}) {
    const parts = await inProcessCloud({}, more);
    const body = { name: 'm', server_type: 'cx23', image: 'debian-13', location: 'fsn1', labels };
    const made = await parts.call(parts.readWrite, 'POST', '/servers', body);
    const id = String(((await made.json()) as { server: { id: number } }).server.id);
    await parts.cloud.idle();
    const state = async () => (await parts.hetzner.serverState(parts.readWrite, id, ''))?.power;
    const sent = () =>
      parts.cloud
        .requests()
        .filter(({ path }) => path.includes('/actions/') && path.startsWith('/servers/'))
        .map(({ path }) => path.split('/').at(-1));
    return { ...parts, id, state, sent };
  }

  test('a stop waits until the operating system has ended', async () => {
    const { hetzner, readWrite, id, state } = await withPower();
    await hetzner.power(readWrite, id, '', 'shutdown');
    expect(await state()).toBe('stopped');
  });

  test('a stop that is not obeyed ends after two minutes, and the state says so', async () => {
    let now = Date.parse('2026-01-01');
    const { hetzner, readWrite, id, state, cloud } = await withPower({
      now: () => new Date(now),
      sleep: async (ms) => {
        now += ms;
        await new Promise((resolve) => setTimeout(resolve, 2));
      },
    });
    cloud.faults.add({ kind: 'ignores_shutdown' });
    await hetzner.power(readWrite, id, '', 'shutdown');
    expect(await state()).toBe('running');
    expect(now - Date.parse('2026-01-01')).toBeGreaterThan(120_000);
    expect(now - Date.parse('2026-01-01')).toBeLessThan(180_000);
    await hetzner.power(readWrite, id, '', 'off');
    expect(await state()).toBe('stopped');
  });

  test('what is so already is not ordered, and a reboot always is', async () => {
    const { hetzner, readWrite, id, sent, state } = await withPower();
    await hetzner.power(readWrite, id, '', 'on');
    expect(sent()).toEqual([]);
    await hetzner.power(readWrite, id, '', 'reboot');
    expect(sent()).toEqual(['reboot']);
    expect(await state()).toBe('running');
  });

  test('a locked server is said to be locked', async () => {
    const { hetzner, readWrite, id, cloud } = await withPower();
    cloud.faults.add({ kind: 'locked', match: { method: 'POST' }, times: 1 });
    await expect(hetzner.power(readWrite, id, '', 'off')).rejects.toEqual(code('resource_locked'));
  });
});

describe('another size', () => {
  async function server(size = 'cx23') {
    const parts = await inProcessCloud();
    const body = { name: 'm', server_type: size, image: 'debian-13', location: 'fsn1', labels };
    const made = await parts.call(parts.readWrite, 'POST', '/servers', body);
    const serverId = String(((await made.json()) as { server: { id: number } }).server.id);
    await parts.cloud.idle();
    const judge = (next: string, expectedMonthlyPrice: number | null = null) =>
      parts.hetzner.preflightResize(parts.readWrite, {
        ...wish,
        size: next,
        serverId,
        expectedMonthlyPrice,
      });
    return { ...parts, judge };
  }

  test('that fits is offered with its price', async () => {
    const { judge, cloud } = await server();
    const before = cloud.requests().filter(({ method }) => method !== 'GET').length;
    expect(await judge('cx33')).toMatchObject({
      blockers: [],
      offer: { currency: 'EUR', architecture: 'x86' },
    });
    expect(cloud.requests().filter(({ method }) => method !== 'GET')).toHaveLength(before);
  });

  test.each([
    ['another architecture', 'cx23', 'cax11', ['resize_impossible']],
    ['a smaller disk', 'cx33', 'cx23', ['resize_impossible']],
    ['one that does not exist', 'cx23', 'cx9000', ['size_unknown']],
    ['a retired one', 'cx23', 'cx22', ['size_unknown']],
  ])('is stopped: %s', async (_what, from, to, codes) => {
    const { judge } = await server(from);
    expect((await judge(to)).blockers.map((blocker) => blocker.code)).toEqual(codes);
  });

  test('is stopped when it is sold out, or costs something else than was shown', async () => {
    const { judge, cloud } = await server();
    expect((await judge('cx33', 1)).blockers.map((blocker) => blocker.code)).toEqual(['price_changed']);
    cloud.faults.add({ kind: 'sold_out', match: { size: 'cx33' } });
    expect((await judge('cx33')).blockers.map((blocker) => blocker.code)).toEqual(['size_sold_out']);
  });

  test('may be smaller again as long as the disk was kept', async () => {
    const { judge, cloud, call, readWrite, hetzner } = await server();
    const id = cloud.servers()[0]?.id;
    await hetzner.power(readWrite, String(id), '', 'off');
    await call(readWrite, 'POST', `/servers/${id}/actions/change_type`, {
      server_type: 'cx33',
      upgrade_disk: false,
    });
    await cloud.idle();
    expect((await judge('cx23')).blockers).toEqual([]);
  });

  test('of a server that is gone is refused as such', async () => {
    const { hetzner, readWrite } = await inProcessCloud();
    await expect(
      hetzner.preflightResize(readWrite, { ...wish, size: 'cx33', serverId: '5' }),
    ).rejects.toEqual(code('server_missing'));
  });
});

describe('everything of the product', () => {
  test('is found without knowing a tag, with the tag it bears, and nothing else', async () => {
    const { hetzner, readWrite, call } = await inProcessCloud();
    const other = { 'claw-cloud': 'claw-ins_000000000000000000000002' };
    await call(readWrite, 'POST', '/firewalls', { name: 'one', labels });
    await call(readWrite, 'POST', '/firewalls', { name: 'two', labels: other });
    await call(readWrite, 'POST', '/firewalls', { name: 'three', labels: { 'claw-clouds': 'x' } });
    const body = { server_type: 'cx23', image: 'debian-13', location: 'fsn1' };
    await call(readWrite, 'POST', '/servers', { ...body, name: 'mine', labels: other });
    await call(readWrite, 'POST', '/servers', { ...body, name: 'theirs' });
    const found = await hetzner.findTagged(readWrite);
    expect(found.map(({ kind, name, tag: borne }) => [kind, name, borne])).toEqual([
      ['server', 'mine', other['claw-cloud']],
      ['firewall', 'one', tag],
      ['firewall', 'two', other['claw-cloud']],
    ]);
    expect(found[0]?.status).not.toBe(null);
  });
});

describe('texts of the engine', async () => {
  const { hetzner } = await inProcessCloud();
  test.each([
    ['error: server name is already used (uniqueness_error, 3c1f)', 'cloud_refused'],
    ['1 error occurred: * server_limit exceeded (resource_limit_exceeded, 91ab)', 'quota_reached'],
    ["server type 'cx23' is currently unavailable (resource_unavailable)", 'size_sold_out'],
    ['sdk.helper_schema: server type cx0 not found: provider=hcloud@1.41.0', 'size_unknown'],
    ['image debian-1 for architecture x86 not found', 'image_unavailable'],
    [
      "invalid input in field 'location' (invalid_input): [location => [location 'nowhere' not found]]",
      'region_unknown',
    ],
    ["invalid input in field 'name' (invalid_input, 5f1e): [name => [taken]]", 'cloud_refused'],
    ['the token you are trying to use is invalid (unauthorized, x)', 'credential_rejected'],
    ['Get "https://api.hetzner.cloud/v1/servers": dial tcp: connection refused', 'cloud_unavailable'],
  ])('%s', (text, expected) => {
    expect(hetzner.explain(text)?.code).toBe(expected);
  });
  test('an unknown text is not explained', () => {
    expect(hetzner.explain('panic: something (else)')).toBe(null);
  });
  test('no vendor text reaches the person', () => {
    const error = hetzner.explain('leaky text (uniqueness_error, 1)');
    expect(error).toBeInstanceOf(ProductError);
    expect(error?.message).not.toContain('leaky');
  });
});

test('all that was sent and answered above keeps to the vendor’s description', ({ skip }) => {
  if (!spec) return skip('the vendor’s description is not here (CLAW_SPECS_DIR says where)');
  expect(spec.violations).toEqual([]);
  expect([...spec.seen]).toEqual(
    expect.arrayContaining(['GET /pricing', 'POST /servers/{id}/actions/shutdown', 'DELETE /firewalls/{id}']),
  );
});
