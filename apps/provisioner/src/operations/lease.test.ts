import { once } from 'node:events';
import { ProductError } from '@claw-cloud/contracts';
import type { ProvisionerRepository } from '@claw-cloud/db';
import { describe, expect, test } from 'vitest';
import { holdLease } from './lease.ts';

const ttlMs = 300;
function dbThat(renew: (call: number) => Promise<void>) {
  let calls = 0;
  const db = {
    renewLease: () => {
      calls += 1;
      return renew(calls);
    },
  } as unknown as ProvisionerRepository;
  return { db, calls: () => calls };
}
const lostOf = async (lost: AbortSignal): Promise<void> => {
  if (!lost.aborted) await once(lost, 'abort', { signal: AbortSignal.timeout(10_000) });
};

describe('a held lease', () => {
  test('is renewed for as long as it is held', async () => {
    const called = Promise.withResolvers<void>();
    const { db } = dbThat(async (call) => {
      if (call === 4) called.resolve();
    });
    const lease = holdLease(db, 'opn_x', 1, ttlMs);
    await called.promise;
    expect(lease.lost.aborted).toBe(false);
    await lease.stop();
  });

  test('is lost at once when somebody else has it', async () => {
    const { db, calls } = dbThat(() => Promise.reject(new ProductError('lease_lost', 'taken', 'stop')));
    const lease = holdLease(db, 'opn_x', 1, ttlMs);
    await lostOf(lease.lost);
    expect(calls()).toBe(1);
    await lease.stop();
  });

  test('survives a database that fails for a moment', async () => {
    const recovered = Promise.withResolvers<void>();
    const { db } = dbThat(async (call) => {
      if (call === 1) throw new Error('down');
      if (call === 3) recovered.resolve();
    });
    // By a clock that stands still it is a moment, however late this process is woken.
    const lease = holdLease(db, 'opn_x', 1, ttlMs, () => 0);
    await recovered.promise;
    expect(lease.lost.aborted).toBe(false);
    await lease.stop();
  });

  test.each([
    ['fails for long', () => Promise.reject(new Error('down'))],
    ['does not answer', () => new Promise<void>(() => undefined)],
  ])('is given up before it ends when the database %s', async (_name, renew) => {
    const { db } = dbThat(renew);
    const start = Date.now();
    const lease = holdLease(db, 'opn_x', 1, 5_000);
    await lostOf(lease.lost);
    expect(Date.now() - start).toBeLessThan(5_000);
    await lease.stop();
  });
});
