import { Problem } from '@claw-cloud/contracts';
import { startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVerifier } from '../verifier.ts';
import { createLocalIssuer, type LocalIssuer } from './issuer.ts';

const baseUrl = 'http://127.0.0.1:4600';
const secret = 'a secret of the test that is long enough';
const password = 'correct horse battery';

describe('the local issuer', () => {
  let database: TestDatabase;
  let issuer: LocalIssuer;
  let clients = 0;

  beforeAll(async () => {
    database = await startTestDatabase();
    issuer = await createLocalIssuer({ databaseUrl: database.postgresUrl('auth'), baseUrl, secret });
  });
  afterAll(async () => {
    await issuer?.close();
    await database?.stop();
  });

  /** A browser: its own address, and the cookie it was given. */
  const client = (address = `10.0.0.${++clients}`) => {
    let cookie: string | undefined;
    return {
      async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
        const response = await issuer.handler(
          new Request(`${baseUrl}${path}`, {
            method,
            headers: {
              ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
              ...(method === 'POST' && !('origin' in headers) ? { origin: baseUrl } : {}),
              ...(cookie === undefined ? {} : { cookie }),
              ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          }),
          { clientAddress: address, requestId: 'req-test' },
        );
        const set = response.headers.getSetCookie()[0];
        if (set !== undefined) cookie = set.split(';')[0];
        return response;
      },
      async token() {
        const response = await this.send('GET', '/auth/token');
        expect(response.status).toBe(200);
        return ((await response.json()) as { token: string }).token;
      },
    };
  };

  const signUp = (email: string, from = client()) =>
    from
      .send('POST', '/auth/sign-up/email', { email, password, name: 'A' })
      .then((response) => ({ response, from }));

  const verify = (token: string) =>
    createVerifier({ jwtKey: issuer.verificationKey, issuer: issuer.issuer, authorizedParties: [baseUrl] })(
      token,
    );

  it('issues tokens that the one verifier accepts', async () => {
    const { response, from } = await signUp('ada@x.example');
    expect(response.status).toBe(200);
    const claims = await verify(await from.token());
    expect(claims).toEqual({ sub: expect.any(String), sid: expect.any(String), email: 'ada@x.example' });
    const again = client();
    expect(
      (await again.send('POST', '/auth/sign-in/email', { email: 'ada@x.example', password })).status,
    ).toBe(200);
    expect((await verify(await again.token())).sub).toBe(claims.sub);
  });

  it('keeps the session out of reach of scripts', async () => {
    const { response } = await signUp('cookie@x.example');
    const cookie = response.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Lax/i);
    const value = decodeURIComponent(cookie.split(';')[0]?.split('=')[1] ?? '').split('.')[0] ?? '';
    expect(value.length).toBeGreaterThan(20);
    expect(await response.text()).not.toContain(value);
  });

  it('takes no token of another installation', async () => {
    const { from } = await signUp('other@x.example');
    const token = await from.token();
    const elsewhere = createVerifier({
      jwtKey: issuer.verificationKey,
      issuer: 'https://elsewhere.example',
      authorizedParties: [baseUrl],
    });
    await expect(elsewhere(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    const party = createVerifier({
      jwtKey: issuer.verificationKey,
      issuer: issuer.issuer,
      authorizedParties: ['https://elsewhere.example'],
    });
    await expect(party(token)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  const problem = async (response: Response) => {
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    return Problem.parse(await response.json());
  };

  it('says what was wrong in problem details', async () => {
    await signUp('bob@x.example');
    const wrong = await client().send('POST', '/auth/sign-in/email', {
      email: 'bob@x.example',
      password: 'x'.repeat(12),
    });
    expect(await problem(wrong)).toMatchObject({
      code: 'unauthenticated',
      status: 401,
      requestId: 'req-test',
    });
    const unknown = await client().send('POST', '/auth/sign-in/email', { email: 'no@x.example', password });
    expect((await problem(unknown)).detail).toBe(
      'The e-mail address and the password do not belong together.',
    );
    const short = await client().send('POST', '/auth/sign-up/email', {
      email: 's@x.example',
      password: 'short',
      name: 'S',
    });
    expect((await problem(short)).detail).toBe('The password is too short.');
    expect((await problem((await signUp('bob@x.example')).response)).code).toBe('conflict');
    expect((await problem(await client().send('GET', '/auth/token'))).code).toBe('unauthenticated');
  });

  it('refuses a page of another origin', async () => {
    const { from } = await signUp('eve@x.example');
    const evil = { origin: 'https://evil.example' };
    await expect(from.send('POST', '/auth/sign-out', {}, evil)).rejects.toMatchObject({ code: 'forbidden' });
    // A form of another page sends no Origin of its own choosing, but the cookie alone isn't enough.
    expect(await problem(await from.send('POST', '/auth/sign-out', {}, { origin: '' }))).toMatchObject({
      status: 403,
    });
    await from.token();
  });

  it('opens only the paths it needs', async () => {
    for (const path of [
      '/auth/update-user',
      '/auth/one-time-token/generate',
      '/auth/ok',
      '/auth/sign-in/social',
    ])
      await expect(client().send('POST', path, {})).rejects.toMatchObject({ code: 'not_found' });
    await expect(client().send('GET', '/auth/sign-out')).rejects.toMatchObject({
      code: 'method_not_allowed',
    });
  });

  it('lets nobody guess for long, whatever address they claim to have', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 22; i += 1) {
      const response = await client('10.9.9.9').send(
        'POST',
        '/auth/one-time-token/verify',
        { token: `guess-${i}` },
        { 'x-forwarded-for': `1.2.3.${i}`, 'x-claw-client-address': `1.2.3.${i}` },
      );
      statuses.push(response.status);
      if (response.status === 429) expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    expect(statuses.slice(0, 20)).not.toContain(429);
    expect(statuses.at(-1)).toBe(429);
  });

  it('signs in by a link, once', async () => {
    const link = await issuer.createSignInLink('Demo@x.example');
    expect(link.url).toBe(`${baseUrl}/#/sign-in?link=${link.token}`);
    const from = client();
    const response = await from.send('POST', '/auth/one-time-token/verify', { token: link.token });
    expect(response.status).toBe(200);
    const claims = await verify(await from.token());
    expect(claims.email).toBe('demo@x.example');

    const replay = await client().send('POST', '/auth/one-time-token/verify', { token: link.token });
    expect(await problem(replay)).toMatchObject({
      code: 'unauthenticated',
      fix: expect.stringContaining('new link'),
    });

    const next = await issuer.createSignInLink('demo@x.example');
    const later = client();
    await later.send('POST', '/auth/one-time-token/verify', { token: next.token });
    expect((await verify(await later.token())).sub).toBe(claims.sub);
  });

  it('ends a link after ten minutes', async () => {
    const past = await createLocalIssuer({
      databaseUrl: database.postgresUrl('auth'),
      baseUrl,
      secret,
      now: () => Date.now() - 11 * 60_000,
    });
    const link = await past.createSignInLink('late@x.example');
    await past.close();
    const response = await client().send('POST', '/auth/one-time-token/verify', { token: link.token });
    expect(await problem(response)).toMatchObject({ code: 'unauthenticated' });
  });

  it('makes no link for what is no address', async () => {
    await expect(issuer.createSignInLink('nobody')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('stores no password, link or signing key in the clear', async () => {
    const link = await issuer.createSignInLink('stored@x.example');
    const pool = new pg.Client({ connectionString: database.postgresUrl('auth') });
    await pool.connect();
    const tables = await pool.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'local_auth'",
    );
    let dump = '';
    for (const { name } of tables.rows)
      dump += JSON.stringify((await pool.query(`select * from local_auth."${name}"`)).rows);
    await pool.end();
    expect(dump).toContain('ada@x.example');
    expect(dump).not.toContain(password);
    expect(dump).not.toContain(link.token);
    expect(dump).not.toContain('"d\\":');
    expect(dump).not.toMatch(/\\"qi\\"/);
  });

  it('starts side by side with another one over the same database, and both trust each other', async () => {
    const open = () => createLocalIssuer({ databaseUrl: database.postgresUrl('auth'), baseUrl, secret });
    const [first, second] = await Promise.all([open(), open()]);
    const { from } = await signUp('two@x.example');
    const token = await from.token();
    for (const other of [first, second]) {
      const check = createVerifier({
        jwtKey: other.verificationKey,
        issuer: baseUrl,
        authorizedParties: [baseUrl],
      });
      await expect(check(token)).resolves.toMatchObject({ email: 'two@x.example' });
      await other.close();
    }
    expect(await issuer.verificationKey('unknown')).toBeNull();
  });
});
