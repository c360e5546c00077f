import { describe, expect, test } from 'vitest';
import { costOf } from './cost.ts';

const madeAt = Date.UTC(2026, 0, 1);
const after = (hours: number) => new Date(madeAt + hours * 3_600_000).toISOString();
const life = (hours: number | null, listedAfter = 0) => {
  const server = { kind: 'server', id: '1', name: 'claw' };
  return {
    made: [
      { ...server, at: after(0) },
      { kind: 'firewall', id: '2', name: 'claw', at: after(0) },
    ],
    deleted: hours === null ? [] : [{ ...server, at: after(hours) }],
    listedAt: after(listedAfter),
  };
};
const capped = { monthly: 5, hourly: 0.01, currency: 'EUR' };

describe('what an instance has cost', () => {
  test('is its hours at the hourly price', () => {
    expect(costOf(life(10), capped)).toMatchObject({ amount: 0.1, hours: 10, currency: 'EUR' });
  });

  test('is the monthly price at most in a month, where the cloud caps there', () => {
    expect(costOf(life(700), capped)).toMatchObject({ amount: 5, hours: 700 });
    expect(costOf(life(740), capped)).toMatchObject({ amount: 5.1 });
    expect(costOf(life(700), { ...capped, monthly: 7.3 })).toMatchObject({ amount: 7 });
  });

  test('goes on for a server that is still there', () => {
    expect(costOf(life(null, 20), capped)).toMatchObject({ amount: 0.2, hours: 20 });
  });

  test('is nothing for a deploy that made no server', () => {
    expect(costOf({ made: [], deleted: [], listedAt: after(1) }, capped)).toMatchObject({
      amount: 0,
      hours: 0,
    });
  });

  test('follows from the monthly price alone, and is not known without any', () => {
    expect(costOf(life(730), { monthly: 7.3, hourly: null, currency: 'EUR' })).toMatchObject({ amount: 7.3 });
    expect(costOf(life(1), { monthly: null, hourly: null, currency: 'EUR' })).toBeNull();
    expect(costOf(life(1), { ...capped, currency: null })).toBeNull();
  });

  test('says what it rests on in as many words as a receipt may hold', () => {
    expect(
      costOf(life(1), { ...capped, monthly: 1234.56789, hourly: 12.3456789 })?.basis.length,
    ).toBeLessThan(500);
  });
});
