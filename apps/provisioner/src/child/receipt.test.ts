import type { CloudResource } from '@claw-cloud/providers';
import { describe, expect, test } from 'vitest';
import { createLedger } from './receipt.ts';

const at = (second: number) => `2026-11-21T10:00:0${second}.000Z`;
const event = (op: string, kind: string, id: string | null, second: number, status = 'finished') => ({
  kind: 'resource' as const,
  at: at(second),
  data: { op, kind, id, name: `the ${kind}`, status },
});
const listed = (kind: CloudResource['kind'], id: string): CloudResource => ({
  kind,
  id,
  name: `the ${kind}`,
  createdAt: at(0),
  status: null,
  deletedWith: null,
});

describe('the ledger of an instance', () => {
  test('tells a whole life from its events, each fact once', () => {
    const ledger = createLedger();
    for (const step of [
      event('create', 'server', null, 1, 'started'),
      event('create', 'server', '1', 2),
      event('adopt', 'server', '1', 3),
      event('create', 'firewall', '2', 3),
      event('delete', 'server', '1', 5),
      event('delete', 'server', '1', 6),
      event('delete', 'firewall', '2', 7),
    ])
      ledger.hear(step);
    const receipt = ledger.receipt('ins_x', [], at(9));
    expect(receipt.made.map(({ kind, at: when }) => [kind, when])).toEqual([
      ['server', at(2)],
      ['firewall', at(3)],
    ]);
    expect(receipt.deleted.map(({ kind, at: when }) => [kind, when])).toEqual([
      ['server', at(5)],
      ['firewall', at(7)],
    ]);
    expect(ledger.open()).toEqual([]);
  });

  test('counts what is listed as made, and as alive even if it was said to be gone', () => {
    const ledger = createLedger();
    ledger.found([listed('server', '1')]);
    ledger.gone({ kind: 'server', id: '1' }, at(3));
    expect(ledger.open()).toEqual([]);
    expect(ledger.receipt('ins_x', [], at(9)).deleted).toHaveLength(1);
    ledger.found([listed('server', '1')]);
    expect(ledger.open()).toHaveLength(1);
  });

  test('knows of a deletion whose making it never saw', () => {
    const ledger = createLedger();
    ledger.hear(event('delete', 'volume', '7', 4));
    expect(ledger.receipt('ins_x', [], at(9))).toMatchObject({
      made: [{ id: '7', at: null }],
      deleted: [{ id: '7', at: at(4) }],
    });
  });

  test('ignores failed steps and events without an id', () => {
    const ledger = createLedger();
    ledger.hear(event('create', 'server', '1', 1, 'failed'));
    ledger.hear(event('create', 'server', null, 2));
    expect(ledger.receipt('ins_x', [], at(9)).made).toEqual([]);
  });
});
