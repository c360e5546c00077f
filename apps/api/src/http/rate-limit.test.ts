import { once } from 'node:events';
import { newId, Problem } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestApi, type TestApi } from '../testing/harness.ts';
import { createRateLimiter, defaultLimits } from './rate-limit.ts';

describe('createRateLimiter', () => {
  const limits = { ...defaultLimits, address: { burst: 3, perSecond: 2 } };

  it('lets a burst through, then so many a second, and says how long to wait', () => {
    let now = 0;
    const limiter = createRateLimiter(limits, () => now);
    expect([1, 2, 3].map(() => limiter.take('address', 'a'))).toEqual([null, null, null]);
    expect(limiter.take('address', 'a')).toBe(1);
    expect(limiter.take('address', 'b')).toBeNull();
    expect(limiter.take('owner', 'a')).toBeNull();
    now = 500;
    expect(limiter.take('address', 'a')).toBeNull();
    expect(limiter.take('address', 'a')).toBe(1);
    now = 60_000;
    expect([1, 2, 3, 4].map(() => limiter.take('address', 'a'))).toEqual([null, null, null, 1]);
  });

  it('says the whole wait when tokens come slowly', () => {
    const limiter = createRateLimiter({ ...limits, signIn: { burst: 1, perSecond: 0.1 } }, () => 0);
    limiter.take('signIn', 'a');
    expect(limiter.take('signIn', 'a')).toBe(10);
  });

  it('remembers 50,000 callers and forgets the quietest beyond', () => {
    const limiter = createRateLimiter({ ...limits, address: { burst: 1, perSecond: 0.001 } }, () => 0);
    expect(limiter.take('address', 'quiet')).toBeNull();
    expect(limiter.take('address', 'quiet')).not.toBeNull();
    for (let i = 0; i < 50_000; i += 1) limiter.take('address', String(i));
    expect(limiter.take('address', 'quiet')).toBeNull();
    expect(limiter.take('address', '49999')).not.toBeNull();
  });
});

describe('an api with narrow limits', () => {
  let api: TestApi;
  const narrow = { burst: 5, perSecond: 0.01 };
  beforeAll(async () => {
    api = await startTestApi({
      limits: { owner: narrow, machine: narrow, upgrade: narrow, support: { burst: 2, perSecond: 0.01 } },
      trustedProxyHops: 1,
    });
  });
  afterAll(() => api?.stop());

  const tooMany = async (response: Response) => {
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Problem.parse(await response.json())).toMatchObject({ code: 'rate_limited', retryable: true });
  };

  it('limits an owner, and nobody else with them', async () => {
    const [one, other] = [await api.person(), await api.person()];
    for (let i = 0; i < 5; i += 1) expect((await one.fetch('/v1/me')).status).toBe(200);
    await tooMany(await one.fetch('/v1/me'));
    expect((await other.fetch('/v1/me')).status).toBe(200);
  });

  it('limits machines by the address the trusted proxy saw, not the one they claim', async () => {
    const report = (forwarded: string) =>
      api.fetch('/v1/bootstrap/phases', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer guess',
          'x-forwarded-for': forwarded,
        },
        body: '{}',
      });
    for (let i = 0; i < 5; i += 1) expect((await report(`1.1.1.${i}, 9.9.9.9`)).status).toBe(400);
    await tooMany(await report('1.1.1.77, 9.9.9.9'));
    expect((await report('9.9.9.9, 8.8.8.8')).status).toBe(400);
  });

  /** Asks for so many WebSockets that offer a wrong subprotocol, one after the other; returns the refusals. */
  const knock = async (path: string, times: number, from: string) => {
    const statuses: number[] = [];
    for (let i = 0; i < times; i += 1) {
      const socket = new WebSocket(`${api.url.replace('http', 'ws')}${path}`, 'wrong', {
        headers: { 'x-forwarded-for': from },
      });
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      statuses.push(response.statusCode);
      socket.on('error', () => undefined);
      socket.terminate();
    }
    return statuses;
  };

  it('limits upgrades before anything is looked at', async () => {
    expect(await knock('/v1/tunnel', 6, '7.7.7.7')).toEqual([400, 400, 400, 400, 400, 429]);
  });

  it('lets nobody guess at the token of a support grant', async () => {
    const path = `/v1/support/${newId('grant')}`;
    expect(await knock(path, 3, '6.6.6.6')).toEqual([400, 400, 429]);
    expect(await knock(path, 1, '5.5.5.5')).toEqual([400]);
  });
});
