import { request } from 'node:http';
import { AddCredential, CloudList, newId, Problem, PublicConfig } from '@claw-cloud/contracts';
import {
  askedDeploy,
  credentialInput,
  deployInput,
  readyCredential,
  readyInstance,
  sampleCatalogue,
  strayOf,
} from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiDocument } from './openapi/offline.ts';
import { startTestApi, type TestApi } from './testing/harness.ts';

interface Described {
  method: string;
  path: string;
  security: string[];
}

const described: Described[] = Object.entries(
  apiDocument().paths as Record<string, Record<string, { security?: Record<string, unknown>[] }>>,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { security = [] }]) => ({
    method: method.toUpperCase(),
    path,
    security: security.flatMap((scheme) => Object.keys(scheme)),
  })),
);
const ownersRoutes = described.filter(
  ({ security, path }) => security.includes('session') && !path.endsWith('/channel'),
);

describe('the HTTP API', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api?.stop());

  const problem = async (response: Response, status: number) => {
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const parsed = Problem.parse(await response.json());
    expect(parsed.requestId).toBe(response.headers.get('x-request-id'));
    expect(parsed.status).toBe(status);
    return parsed;
  };

  /** A valid body for each route that takes one, so that nothing but what is tested can be the reason of a refusal. */
  const bodies: Record<string, () => unknown> = {
    '/v1/credentials': () => credentialInput(),
    '/v1/instances': () => deployInput(newId('credential')),
    '/v1/instances/{id}/credential': () => ({ credentialId: newId('credential') }),
    '/v1/instances/{id}/resize': () => ({ size: 'good', expectedMonthlyPrice: 4.5 }),
  };
  const init = ({ method, path }: Described) =>
    method === 'POST'
      ? { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(bodies[path]?.()) }
      : { method };
  const anyIds = (path: string) =>
    path.replace(
      '{id}',
      newId(
        path.includes('operations')
          ? 'operation'
          : path.includes('instances')
            ? 'instance'
            : path.includes('strays')
              ? 'stray'
              : 'credential',
      ),
    );

  it('knows its owner routes', () => {
    expect(ownersRoutes.length).toBeGreaterThanOrEqual(14);
  });

  it.each(ownersRoutes)('$method $path without a valid token is refused', async (route) => {
    const path = anyIds(route.path);
    for (const authorization of [undefined, 'Bearer x.y.z', 'Basic abc', 'Bearer ']) {
      const headers = { ...(authorization === undefined ? {} : { authorization }) };
      const options = init(route);
      const response = await api.fetch(path, { ...options, headers: { ...options.headers, ...headers } });
      expect((await problem(response, 401)).code).toBe('unauthenticated');
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it.each(ownersRoutes.filter(({ path }) => path.includes('{id}')))(
    '$method $path of another owner, of nobody and of no form is not found',
    async (route) => {
      const { instance, operation, ownerId } = await askedDeploy(api.database.db);
      const foreign = route.path.includes('strays')
        ? (await strayOf(api.database.db, ownerId, instance.credentialId)).id
        : route.path.includes('operations')
          ? operation.id
          : route.path.includes('instances')
            ? instance.id
            : instance.credentialId;
      const person = await api.person();
      for (const id of [foreign, anyIds('{id}'), 'nonsense', '%00', foreign.toUpperCase()]) {
        const response = await person.fetch(route.path.replace('{id}', id), init(route));
        expect((await problem(response, 404)).code).toBe('not_found');
      }
    },
  );

  it('deploys with nobody else’s credential', async () => {
    const { instance } = await askedDeploy(api.database.db);
    const person = await api.person();
    const response = await person.send('POST', '/v1/instances', deployInput(instance.credentialId));
    expect((await problem(response, 404)).code).toBe('not_found');
    expect(await (await person.fetch('/v1/instances')).json()).toEqual({ items: [] });
  });

  it('takes no id that somebody else has used', async () => {
    const { instance } = await askedDeploy(api.database.db);
    const person = await api.person();
    expect(
      (
        await problem(
          await person.send('POST', '/v1/credentials', credentialInput({ id: instance.credentialId })),
          409,
        )
      ).code,
    ).toBe('conflict');
  });

  it('adds, lists, shows and forgets a credential', async () => {
    const person = await api.person();
    const input = credentialInput({ name: 'Mine' });
    const added = await person.send('POST', '/v1/credentials', input);
    expect(added.status).toBe(201);
    expect(await added.json()).toMatchObject({ id: input.id, name: 'Mine', state: 'verifying' });
    expect((await person.send('POST', '/v1/credentials', input)).status).toBe(200);
    expect(api.jobs).toContainEqual({ name: 'credential.verify', data: { credentialId: input.id } });
    const list = (await (await person.fetch('/v1/credentials')).json()) as { items: { id: string }[] };
    expect(list.items.map(({ id }) => id)).toEqual([input.id]);
    expect((await problem(await person.fetch(`/v1/credentials/${input.id}/catalogue`), 409)).code).toBe(
      'credential_not_ready',
    );
    const removed = await person.fetch(`/v1/credentials/${input.id}`, { method: 'DELETE' });
    expect(removed.status).toBe(204);
    expect((await person.fetch(`/v1/credentials/${input.id}`)).status).toBe(404);
  });

  it('accepts a deploy once, however often it is sent, and destroys it', async () => {
    const person = await api.person();
    const credential = await readyCredential(api.database.db, person.ownerId);
    const input = deployInput(credential.id);
    const first = await person.send('POST', '/v1/instances', input);
    expect(first.status).toBe(202);
    const { instance, operation } = (await first.json()) as {
      instance: { id: string };
      operation: { id: string };
    };
    const again = await person.send('POST', '/v1/instances', input);
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ operation: { id: operation.id } });
    expect(api.jobs).toContainEqual({ name: 'operation.run', data: { operationId: operation.id } });
    expect(await (await person.fetch(`/v1/operations/${operation.id}`)).json()).toMatchObject({
      state: 'queued',
    });
    expect((await problem(await person.fetch(`/v1/instances/${instance.id}/receipt`), 404)).code).toBe(
      'not_found',
    );
    const audit = (await (await person.fetch('/v1/audit-events?limit=5')).json()) as {
      items: { target: string }[];
    };
    expect(audit.items.some(({ target }) => target === instance.id)).toBe(true);
  });

  it('takes a wish about a server’s power once, however often it is sent, and no other meanwhile', async () => {
    const person = await api.person();
    const { instance } = await readyInstance(api.database.db, person.ownerId);
    const path = (what: string) => `/v1/instances/${instance.id}/${what}`;
    const post = (what: string) => person.fetch(path(what), { method: 'POST' });
    const first = await post('stop');
    expect(first.status).toBe(202);
    const operation = (await first.json()) as { id: string };
    expect(operation).toMatchObject({ kind: 'stop', state: 'queued' });
    expect(await (await post('stop')).json()).toMatchObject({ id: operation.id });
    expect(api.jobs).toContainEqual({ name: 'operation.run', data: { operationId: operation.id } });
    for (const what of ['start', 'reboot', 'check', 'repair'])
      expect((await problem(await post(what), 409)).code).toBe('instance_busy');
    expect(await (await person.fetch(path(''))).status).toBe(404);
    expect(await (await person.fetch(`/v1/instances/${instance.id}`)).json()).toMatchObject({
      state: 'stopping',
    });
  });

  it('says what a resize would cost before it is asked for', async () => {
    const person = await api.person();
    const { instance } = await readyInstance(api.database.db, person.ownerId);
    const resize = (size: string, expectedMonthlyPrice: number) =>
      person.send('POST', `/v1/instances/${instance.id}/resize`, { size, expectedMonthlyPrice });
    expect((await problem(await resize('far', 4.5), 422)).code).toBe('size_unknown');
    expect((await problem(await resize('good', 4.5), 422)).code).toBe('resize_impossible');
    expect((await problem(await resize('good', -1), 400)).code).toBe('invalid_request');
  });

  it('lists the clouds, filled in for whoever asks, and what was found in their accounts', async () => {
    const person = await api.person();
    const credential = await readyCredential(api.database.db, person.ownerId);
    const list = CloudList.parse(await (await person.fetch('/v1/clouds')).json());
    const { providers } = PublicConfig.parse(await (await api.fetch('/v1/config')).json());
    expect(list.clouds.map(({ id, name, sandbox }) => ({ id, name, sandbox }))).toEqual(providers);
    expect(JSON.stringify(list)).not.toMatch(/\{(externalId|egressAddresses)\}/);
    const stray = await strayOf(api.database.db, person.ownerId, credential.id);
    expect(await (await person.fetch('/v1/strays')).json()).toEqual({ items: [stray] });
    const refused = await person.fetch(`/v1/strays/${stray.id}`, { method: 'DELETE' });
    expect((await problem(refused, 409)).code).toBe('conflict');
  });

  it('asks a cloud for its prices no oftener than is of use', async () => {
    const person = await api.person();
    const { id } = await readyCredential(api.database.db, person.ownerId);
    const refresh = () => person.fetch(`/v1/credentials/${id}/catalogue`, { method: 'POST' });
    const asked = await refresh();
    expect(asked.status).toBe(202);
    expect(await asked.json()).toEqual({ catalogue: sampleCatalogue, asked: true });
    expect(api.jobs).toContainEqual({ name: 'catalogue.refresh', data: { credentialId: id } });
    const fresh = { ...sampleCatalogue, fetchedAt: new Date().toISOString() };
    await api.database.db.provisioner.storeCatalogue(id, fresh);
    const answered = await refresh();
    expect([answered.status, await answered.json()]).toEqual([200, { catalogue: fresh, asked: false }]);
    const statuses = [];
    for (let count = 0; count < 12; count += 1) statuses.push((await refresh()).status);
    expect(statuses).toContain(429);
  });

  it('says who is signed in and what may be deployed to', async () => {
    const person = await api.person();
    expect(await (await person.fetch('/v1/me')).json()).toEqual({ ownerId: person.ownerId, email: null });
    expect(await (await api.fetch('/v1/config')).json()).toMatchObject({
      auth: { kind: 'clerk', publishableKey: 'pk_test_x' },
    });
    expect(await (await api.fetch('/healthz')).json()).toEqual({ status: 'ok' });
  });

  it('says what is wrong with a body', async () => {
    const person = await api.person();
    const send = async (body: string, type = 'application/json') =>
      problem(
        await person.fetch('/v1/credentials', { method: 'POST', body, headers: { 'content-type': type } }),
        400,
      );
    expect((await send('{"id":')).detail).toMatch(/JSON/);
    expect((await send('[]')).code).toBe('invalid_request');
    const { issues = [] } = await send(JSON.stringify({ ...credentialInput(), name: '', id: 'x' }));
    expect(new Set(issues.map(({ path }) => path))).toEqual(new Set(['id', 'name']));
    expect((await send(JSON.stringify(credentialInput()), 'text/plain')).code).toBe('invalid_request');
  });

  it('reads no more than 256 KiB of a body, announced or not', async () => {
    const person = await api.person();
    const filler = JSON.stringify({
      ...AddCredential.parse(credentialInput()),
      filler: 'x'.repeat(300 * 1024),
    });
    expect(
      (
        await problem(
          await person.fetch('/v1/credentials', {
            method: 'POST',
            body: filler,
            headers: { 'content-type': 'application/json' },
          }),
          413,
        )
      ).code,
    ).toBe('payload_too_large');
    // In chunks, without a content-length.
    const status = await new Promise<number>((resolve, reject) => {
      void person.token().then((token) => {
        const { port } = new URL(api.url);
        const outgoing = request(
          {
            port,
            path: '/v1/credentials',
            method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          },
          (response) => resolve(response.statusCode ?? 0),
        );
        outgoing.on('error', reject);
        for (let i = 0; i < 40; i += 1) outgoing.write(' '.repeat(10 * 1024));
        outgoing.end('{}');
      });
    });
    expect(status).toBe(413);
  });

  it('answers what it doesn’t have with 404 and a wrong method with 405', async () => {
    expect((await problem(await api.fetch('/v1/nothing'), 404)).code).toBe('not_found');
    expect((await problem(await api.fetch('/v1/local/sign-in-links', { method: 'POST' }), 404)).code).toBe(
      'not_found',
    );
    const wrong = await api.fetch('/v1/config', { method: 'DELETE' });
    expect((await problem(wrong, 405)).code).toBe('method_not_allowed');
    expect(wrong.headers.get('allow')).toBe('GET, HEAD');
    expect((await problem(await api.fetch('/v1/bootstrap/register'), 405)).code).toBe('method_not_allowed');
    expect((await problem(await api.fetch('/v1/tunnel'), 404)).code).toBe('not_found');
  });

  it('gives back a request id that is one, and makes one otherwise', async () => {
    const mine = await api.fetch('/v1/config', { headers: { 'x-request-id': 'abc-12345' } });
    expect(mine.headers.get('x-request-id')).toBe('abc-12345');
    const other = await api.fetch('/v1/config', { headers: { 'x-request-id': 'a b <script>' } });
    expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('sends its policy with every answer, errors too', async () => {
    for (const path of ['/v1/config', '/v1/me', '/nothing', '/openapi.json']) {
      const { headers } = await api.fetch(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
      expect(policy).toContain("style-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe-inline');
      expect(policy).not.toContain("'unsafe-eval'");
      expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{8}/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    expect((await api.fetch('/v1/me')).headers.get('cache-control')).toBe('no-store');
  });

  it('serves its documentation itself, under a policy without inline scripts', async () => {
    const page = await api.fetch('/docs');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    const html = await page.text();
    expect(html).not.toMatch(/<script>|https?:\/\//);
    for (const [, src = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g))
      expect((await api.fetch(src)).status).toBe(200);
    expect((await api.fetch('/docs/package.json')).status).toBe(404);
    expect(await (await api.fetch('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' });
  });

  it('logs templates and numbers, and nothing anybody sent', async () => {
    const person = await api.person();
    const canary = 'canary-7d1c';
    await person.fetch(`/v1/instances/${canary}?q=${canary}`, {
      headers: { 'x-anything': canary, 'user-agent': canary },
    });
    await person.send('POST', '/v1/credentials', { ...credentialInput(), name: canary });
    await api.fetch(`/${canary}`);
    await api.fetch('/v1/me', { headers: { authorization: `Bearer ${canary}` } });
    const token = await person.token();
    const log = api.logged.join('');
    expect(log).not.toContain(canary);
    expect(log).not.toContain(token.split('.')[2]);
    expect(log).not.toContain('Bearer');
    expect(log).toContain(`"route":"/v1/instances/:id"`);
    expect(log).toContain(person.ownerId);
    for (const line of api.logged) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe('an api that is in trouble', () => {
  it('says nothing of what went wrong inside', async () => {
    const api = await startTestApi();
    try {
      await api.database.stop();
      const person = await api.person();
      const response = await person.fetch('/v1/instances');
      expect([500, 503]).toContain(response.status);
      const body = await response.text();
      expect(Problem.parse(JSON.parse(body))).toBeDefined();
      expect(body).not.toMatch(/ECONN|127\.0\.0\.1|\.ts|at /);
      const health = await api.fetch('/healthz');
      expect(health.status).toBe(503);
    } finally {
      await api.stop().catch(() => undefined);
    }
  });
});
