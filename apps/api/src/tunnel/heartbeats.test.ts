import type { InstanceHealth } from '@claw-cloud/contracts';
import { expect, it } from 'vitest';
import { createHeartbeats } from './heartbeats.ts';

const health = (uptimeSeconds: number): InstanceHealth => ({
  agentVersion: '1',
  openclawVersion: null,
  gateway: 'ready',
  uptimeSeconds,
});

const stage = (answers: (string[] | Error)[] = []) => {
  const written: [id: string, uptimeSeconds: number, ageMs: number][][] = [];
  const logged: string[] = [];
  let now = 0;
  const note = (event: string) => void logged.push(event);
  const heartbeats = createHeartbeats({
    write: async (rows) => {
      written.push(rows.map(({ instanceId, health, ageMs }) => [instanceId, health.uptimeSeconds, ageMs]));
      const answer = answers.shift() ?? [];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    log: { info: note, warn: note, error: note },
    now: () => now,
    everyMs: 3_600_000,
  });
  return {
    heartbeats,
    written,
    logged,
    at(ms: number) {
      now = ms;
    },
  };
};

it('heartbeats are written together, the last of each instance, with their age', async () => {
  const { heartbeats, written, at } = stage();
  heartbeats.add('one', health(1));
  at(1000);
  heartbeats.add('two', health(2));
  heartbeats.add('two', health(3));
  at(1500);
  await heartbeats.flush();
  await heartbeats.flush();
  expect(written).toEqual([
    [
      ['one', 1, 1500],
      ['two', 3, 500],
    ],
  ]);
  await heartbeats.stop();
});

it('those that could not be written are written next time, unless a newer one has come', async () => {
  const { heartbeats, written, logged } = stage([['one'], new Error('the database is away')]);
  heartbeats.add('one', health(1));
  heartbeats.add('two', health(1));
  await heartbeats.flush();
  heartbeats.add('two', health(2));
  const failing = heartbeats.flush();
  heartbeats.add('one', health(9));
  await failing;
  expect(logged).toEqual(['heartbeats not written']);
  await heartbeats.stop();
  expect(written.map((rows) => rows.map(([id, seconds]) => [id, seconds]))).toEqual([
    [
      ['one', 1],
      ['two', 1],
    ],
    [
      ['one', 1],
      ['two', 2],
    ],
    [
      ['one', 9],
      ['two', 2],
    ],
  ]);
});
