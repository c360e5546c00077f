import { type CredentialSecret, ProductError } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import type { OpenCredential, ProviderOptions } from '../provider.ts';
import { askedAgain, clockTime, referenceOf, unknownAnswer } from './answer.ts';
import { createJsonClient, type JsonCloud } from './client.ts';
import { waitUntil } from './wait-until.ts';

const secret: CredentialSecret = { provider: 'example', key: 'the-key' };
const credential: OpenCredential = { use: (fn) => fn(secret) };
const start = Date.parse('2026-01-01T00:00:00Z');
const code = (value: string) => expect.objectContaining({ code: value });

const cloud: JsonCloud = {
  publicEndpoint: 'https://cloud.example/v9',
  authorization: ({ key }) => ({ 'x-key': key ?? '' }),
  answeredError: (answer) =>
    answer.status === 429
      ? new ProductError('cloud_rate_limited', 'Too many.', 'Wait.')
      : answer.status >= 500
        ? new ProductError('cloud_unavailable', 'Down.', 'Wait.')
        : unknownAnswer('Example', answer),
  unreachable: (host) => new ProductError('cloud_unavailable', `${host} is away.`, 'Wait.'),
  firstPage: { size: 2 },
  nextPage(body, asked) {
    const { next } = body as { next?: string };
    return next === undefined ? null : { ...asked, cursor: next };
  },
};

type Give = (url: URL, init: RequestInit) => Response | Promise<Response>;

/** A client whose answers are given by a function, and what it asked and how long it waited. */
function withAnswers(give: Give, more: ProviderOptions = {}) {
  const asked: { url: string; init: RequestInit }[] = [];
  const pauses: number[] = [];
  let now = start;
  const client = createJsonClient(cloud, {
    now: () => new Date(now),
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms);
      now += ms;
    },
    fetch: (async (url: URL, init: RequestInit) => {
      asked.push({ url: String(url), init });
      return give(url, init);
    }) as unknown as typeof fetch,
    ...more,
  });
  return { client, asked, pauses };
}

describe('a request', () => {
  test('carries the credential as the cloud wants it, and follows nobody', async () => {
    const { client, asked } = withAnswers(() => Response.json({ a: 1 }));
    expect(await client.get(credential, '/things', { name: 'a b', none: undefined })).toEqual({ a: 1 });
    expect(asked[0]?.url).toBe('https://cloud.example/v9/things?name=a+b');
    expect(asked[0]?.init).toMatchObject({ redirect: 'error', headers: { 'x-key': 'the-key' } });
  });

  test('goes to another endpoint, with or without a slash at its end', async () => {
    const { client, asked } = withAnswers(() => new Response(null, { status: 204 }), {
      endpoint: 'http://127.0.0.1:9/v9/',
    });
    expect(await client.send(credential, 'DELETE', '/things/1')).toEqual({});
    expect(asked[0]?.url).toBe('http://127.0.0.1:9/v9/things/1');
  });

  test('of what is not there gives null', async () => {
    const { client } = withAnswers(() => Response.json({ error: 'no' }, { status: 404 }));
    expect(await client.get(credential, '/things/1')).toBe(null);
    expect(await client.send(credential, 'DELETE', '/things/1')).toBe(null);
  });

  test.each([
    ['no JSON', () => new Response('<html>', { status: 200 })],
    ['a list where an object belongs', () => Response.json([1])],
  ])('answered with %s is not understood', async (_what, give) => {
    const { client, asked } = withAnswers(give);
    await expect(client.get(credential, '/things')).rejects.toEqual(code('cloud_unexpected'));
    expect(asked).toHaveLength(1);
  });

  test('answered without an end is cut off', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const { client } = withAnswers(() => new Response(endless));
    await expect(client.get(credential, '/things')).rejects.toThrow('larger than 8 MiB');
    expect(sent).toBeLessThan(12);
  });

  test('is ended by the caller’s signal, whatever it was at', async () => {
    const ending = new AbortController();
    const { client } = withAnswers(
      (_url, init) =>
        new Promise((_resolve, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
          ending.abort(new Error('the worker ends'));
        }),
      { signal: ending.signal },
    );
    await expect(client.get(credential, '/things')).rejects.toThrow('the worker ends');
  });
});

describe('a list', () => {
  test('is read to its last page', async () => {
    const pages: Record<string, object> = {
      none: { things: [1, 2], next: 'b' },
      b: { things: [3, 4], next: 'c' },
      c: { things: [5] },
    };
    const { client, asked } = withAnswers((url) =>
      Response.json(pages[url.searchParams.get('cursor') ?? 'none']),
    );
    expect(await client.list(credential, '/things', 'things', { tag: 't' })).toEqual([1, 2, 3, 4, 5]);
    expect(asked.map(({ url }) => new URL(url).search)).toEqual([
      '?tag=t&size=2',
      '?tag=t&size=2&cursor=b',
      '?tag=t&size=2&cursor=c',
    ]);
  });

  test('without an end, or that is none, is an error', async () => {
    const endless = withAnswers(() => Response.json({ things: [], next: 'x' }));
    await expect(endless.client.list(credential, '/things', 'things')).rejects.toThrow('without an end');
    expect(endless.asked).toHaveLength(200);
    const none = withAnswers(() => Response.json({ things: 'many' }));
    await expect(none.client.list(credential, '/things', 'things')).rejects.toThrow('no list of things');
  });
});

describe('troubles that pass', () => {
  const down = () => new Response('', { status: 503 });

  test('let a read be tried again, later each time, four times at most', async () => {
    const { client, asked, pauses } = withAnswers(down);
    await expect(client.get(credential, '/things')).rejects.toEqual(code('cloud_unavailable'));
    expect(asked).toHaveLength(4);
    expect(pauses).toEqual([300, 600, 1200]);
  });

  test('let no write be sent again', async () => {
    const { client, asked } = withAnswers(down);
    await expect(client.send(credential, 'POST', '/things', { a: 1 })).rejects.toEqual(
      code('cloud_unavailable'),
    );
    expect(asked).toHaveLength(1);
  });

  test('a limit is waited out for as long as it says, and no longer than makes sense here', async () => {
    const limited = (seconds: string) => {
      let first = true;
      return withAnswers(() => {
        if (!first) return Response.json({ a: 1 });
        first = false;
        return new Response('', { status: 429, headers: { 'retry-after': seconds } });
      });
    };
    const short = limited('7');
    expect(await short.client.send(credential, 'POST', '/things', {})).toEqual({ a: 1 });
    expect(short.pauses).toEqual([7_000]);
    const long = limited('600');
    const error: unknown = await long.client.get(credential, '/things').catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'cloud_rate_limited',
      options: { again: new Date(start + 600_000).toISOString() },
    });
    expect(long.asked).toHaveLength(1);
  });
});

describe('when a cloud takes requests again', () => {
  const now = new Date(start);
  const at = (status: number, headers: Record<string, string>) =>
    askedAgain(status, new Headers(headers), now)?.toISOString() ?? null;

  test.each([
    [429, { 'retry-after': '90' }, '2026-01-01T00:01:30.000Z'],
    [503, { 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' }, '2026-01-01T00:02:00.000Z'],
    [429, { 'ratelimit-reset': String(start / 1000 + 60) }, '2026-01-01T00:01:00.000Z'],
    [200, { 'ratelimit-reset': String(start / 1000 + 60), 'ratelimit-remaining': '7' }, null],
    [
      403,
      { 'ratelimit-reset': String(start / 1000 + 60), 'ratelimit-remaining': '0' },
      '2026-01-01T00:01:00.000Z',
    ],
    [429, { 'ratelimit-reset': '1' }, '2026-01-01T00:00:00.000Z'],
    [429, { 'ratelimit-reset': '99999999999' }, '2026-01-02T00:00:00.000Z'],
    [429, { 'retry-after': 'soon' }, null],
    [429, {}, null],
  ])('%i %o', (status, headers, expected) => {
    expect(at(status, headers as unknown as Record<string, string>)).toBe(expected);
  });

  test('is told by the clock', () => {
    expect(clockTime(new Date('2026-01-01T14:05:59Z'))).toBe('14:05 UTC');
    expect(clockTime(null)).toBe(null);
  });
});

test('the cloud’s reference is kept where it looks like one', () => {
  expect(referenceOf(new Headers({ 'x-request-id': 'ab-12' }), undefined)).toBe('ab-12');
  expect(referenceOf(new Headers(), { request_id: 'ab-12' })).toBe('ab-12');
  expect(referenceOf(new Headers({ 'x-request-id': 'a text <b>' }), undefined)).toBe(null);
  const answer = { status: 418, body: undefined, headers: new Headers(), again: null, reference: 'ab-12' };
  expect(unknownAnswer('Example', answer).fix).toContain('the reference ab-12');
});

test('a wait asks less and less often, and ends', async () => {
  const { client, pauses } = withAnswers(() => Response.json({}));
  let asked = 0;
  const wait = { cloud: 'Example', what: 'the work' };
  await waitUntil(client, wait, async () => {
    asked += 1;
    return asked === 4;
  });
  expect(pauses).toEqual([200, 300, 450]);
  await expect(waitUntil(client, wait, async () => false)).rejects.toThrow(
    'Example did not finish the work within 2 minutes.',
  );
  expect(Math.max(...pauses)).toBe(3_000);
});
