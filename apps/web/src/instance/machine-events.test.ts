import type { InstanceEvent } from '@claw-cloud/contracts';
import { expect, test } from 'vitest';
import { machineNotes } from './machine-events.ts';
import { describeNotice } from './notice-words.ts';

const event = (seq: number, data: Record<string, unknown>, kind = 'machine') =>
  ({
    seq,
    instanceId: `ins_${'0'.repeat(24)}`,
    operationId: null,
    at: '2026-11-25T10:00:00.000Z',
    kind,
    data,
  }) as InstanceEvent;

test('a life is told newest first, and what has no words is left out', () => {
  const notes = machineNotes([
    event(1, { state: 'ready' }, 'state'),
    event(2, { kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 }),
    event(3, { kind: 'something_newer' }),
    event(4, {
      kind: 'openclaw_update',
      from: '2026.9.5',
      to: '2026.9.6',
      outcome: 'failed',
      failedStep: 'health',
      downSeconds: 31.4,
    }),
    event(5, { kind: 'goodbye' }),
  ]);
  expect(notes.map(({ key }) => key)).toEqual([5, 4, 2]);
  expect(notes[1]).toMatchObject({
    text: 'The update to OpenClaw 2026.9.6 did not work; 2026.9.5 is back',
    detail: 'at its health check; away for 31 s',
    tone: 'caution',
  });
  expect(notes[2]?.detail).toBe('it did not answer its health check (3 times in a row)');
});

test('a notice says who, where it belongs and how long is left', () => {
  const grantId = `grt_${'0'.repeat(24)}`;
  const now = Date.parse('2026-11-25T10:00:00Z');
  const endsAt = '2026-11-25T10:05:00Z';
  expect(describeNotice({ kind: 'grant_ending', grantId, name: 'Grace', endsAt }, now)).toEqual({
    text: 'Grace’s access ends in 5 minutes.',
    area: 'support',
    tone: 'neutral',
  });
  expect(describeNotice({ kind: 'gateway_restarted', reason: 'memory' })).toMatchObject({
    text: 'The assistant was restarted: it had grown too large.',
    area: 'overview',
  });
});
