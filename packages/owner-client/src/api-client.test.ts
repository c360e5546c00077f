import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApiClient } from './api-client.ts';
import { createLocalSession } from './local-session.ts';
import { isProblem } from './problem.ts';
import { watchEvents } from './watch-events.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let baseUrl: string;
let handle: Handler;
let requests: IncomingMessage[];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => handle(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req-1' });
  response.end(JSON.stringify(body));
};
const problem = (status: number, code: string) => ({
  type: 'about:blank',
  title: code,
  status,
  detail: `It is ${code}.`,
  code,
  fix: 'Do something.',
  retryable: false,
  requestId: 'req-1',
});
const tokens = () => {
  let count = 0;
  return async ({ fresh = false } = {}) => `t${fresh ? ++count : count}`;
};

describe('the api client', () => {
  const client = (timeoutMs = 10_000) => createApiClient({ baseUrl, getToken: tokens(), timeoutMs });

  it('parses answers and sends the token', async () => {
    handle = (_, response) => json(response, 200, { ownerId: 'u1', email: null, more: 1 });
    expect(await client().me()).toEqual({ ownerId: 'u1', email: null });
    expect(requests[0]?.headers.authorization).toBe('Bearer t0');
    handle = (_, response) => json(response, 200, { owner: 'u1' });
    await expect(client().me()).rejects.toMatchObject({ code: 'internal', requestId: 'req-1' });
  });

  it('asks for another token once', async () => {
    handle = (request, response) =>
      request.headers.authorization === 'Bearer t1'
        ? json(response, 200, { ownerId: 'u1', email: null })
        : json(response, 401, problem(401, 'unauthenticated'));
    expect(await client().me()).toMatchObject({ ownerId: 'u1' });
    handle = (_, response) => json(response, 401, problem(401, 'unauthenticated'));
    await expect(client().me()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(requests).toHaveLength(4);
  });

  it('turns every trouble into a problem with a fix', async () => {
    handle = (_, response) => json(response, 409, problem(409, 'price_changed'));
    await expect(client().me()).rejects.toMatchObject({
      code: 'price_changed',
      message: 'It is price_changed.',
    });
    handle = (_, response) => {
      response.writeHead(502);
      response.end('<html>');
    };
    await expect(client().me()).rejects.toMatchObject({ code: 'unavailable', status: 502, fix: /again/ });
    handle = () => undefined;
    await expect(client(500).me()).rejects.toMatchObject({ code: 'unavailable', message: /too long/ });
    const nobody = createApiClient({ baseUrl: 'http://127.0.0.1:1', getToken: tokens() });
    await expect(nobody.me()).rejects.toSatisfy((error) => isProblem(error, 'unavailable'));
  });
});

describe('the events of an instance', () => {
  const id = 'ins_000000000000000000000001';
  const event = (seq: number) =>
    `id: ${seq}\nevent: log\ndata: ${JSON.stringify({
      seq,
      instanceId: id,
      operationId: null,
      at: '2026-11-21T10:00:00.000Z',
      kind: 'log',
      data: { line: `line ${seq}` },
    })}\n\n`;
  const watch = (signal: AbortSignal, more = {}) =>
    watchEvents({ baseUrl, getToken: tokens() }, id, { signal, random: () => 0, ...more });

  it('come once each, across a lost connection', async () => {
    let connection = 0;
    handle = (request, response) => {
      connection += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const after = Number(new URL(request.url ?? '', baseUrl).searchParams.get('after'));
      if (connection === 1) {
        response.write(`: hello\n\n${event(1)}${event(2).slice(0, 20)}`);
        setImmediate(() => response.destroy());
      } else response.write(`${event(after)}${event(after + 1)}${event(after + 2)}`);
    };
    const stop = new AbortController();
    const seen: number[] = [];
    const states: boolean[] = [];
    for await (const { seq } of watch(stop.signal, { onConnection: (up: boolean) => states.push(up) })) {
      seen.push(seq);
      if (seq === 3) stop.abort();
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(requests.map((request) => request.url?.split('?')[1])).toEqual(['after=0', 'after=1']);
    expect(states).toEqual([true, false, true]);
  });

  it('end with an error that another try would not mend', async () => {
    handle = (_, response) => json(response, 404, problem(404, 'not_found'));
    const next = watch(new AbortController().signal).next();
    await expect(next).rejects.toMatchObject({ code: 'not_found' });
    expect(requests).toHaveLength(1);
  });

  it('do not wait on a silent stream', async () => {
    handle = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(requests.length === 1 ? ': hello\n\n' : event(1));
    };
    const stop = new AbortController();
    const { value } = await watch(stop.signal, { silenceMs: 50 }).next();
    expect(value).toMatchObject({ seq: 1 });
    stop.abort();
  });
});

describe('a local session', () => {
  const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = (count: number) => `${b64({ alg: 'RS256' })}.${b64({ iat: 100, exp: 160, count })}.sig`;

  it('keeps the cookie, says where it comes from, and renews the token before it ends', async () => {
    let issued = 0;
    handle = (request, response, body) => {
      if (request.url === '/auth/sign-in/email') {
        expect(JSON.parse(body)).toEqual({ email: 'a@x.example', password: 'long enough' });
        expect(request.headers.origin).toBe(baseUrl);
        response.setHeader('set-cookie', ['session=abc; Path=/; HttpOnly', 'gone=; Max-Age=0']);
        return json(response, 200, {});
      }
      if (request.url === '/auth/sign-out') {
        response.setHeader('set-cookie', 'session=; Max-Age=0');
        return json(response, 200, {});
      }
      if (request.headers.cookie !== 'session=abc')
        return json(response, 401, problem(401, 'unauthenticated'));
      issued += 1;
      return json(response, 200, { token: jwt(issued) });
    };
    let time = 5_000_000;
    const session = createLocalSession({ baseUrl, cookies: 'jar', now: () => time });
    const changes: boolean[] = [];
    session.onChange((signedIn) => changes.push(signedIn));
    expect(await session.restore()).toBe(false);
    await session.signIn({ email: 'a@x.example', password: 'long enough' });
    expect(await Promise.all([session.getToken(), session.getToken()])).toEqual([jwt(1), jwt(1)]);
    time += 44_000;
    expect(await session.getToken()).toBe(jwt(1));
    time += 2_000;
    expect(await Promise.all([session.getToken(), session.getToken()])).toEqual([jwt(2), jwt(2)]);
    await session.signOut();
    await expect(session.getToken()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(changes).toEqual([true, false]);
  });

  it('tells a wrong password from an issuer that is away', async () => {
    handle = (_, response) => json(response, 401, problem(401, 'unauthenticated'));
    const session = createLocalSession({ baseUrl, cookies: 'jar' });
    await expect(session.signIn({ email: 'a@x.example', password: 'x' })).rejects.toMatchObject({
      code: 'unauthenticated',
      fix: 'Do something.',
    });
    const nobody = createLocalSession({ baseUrl: 'http://127.0.0.1:1', cookies: 'jar' });
    await expect(nobody.restore()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
