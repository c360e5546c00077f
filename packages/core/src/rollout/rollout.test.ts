import { newId } from '@claw-cloud/contracts';
import type { RolloutProgress } from '@claw-cloud/db';
import { readyInstance, reportLine, sampleRelease } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import { stage } from '../verbs.fixture.ts';
import { stopsAt } from './evidence.ts';
import {
  advanceRollouts,
  decide,
  haltRollout,
  isOffered,
  listRollouts,
  offerFor,
  publishRelease,
  resumeRollout,
  rolloutRules,
} from './index.ts';
import { simulateRollout } from './simulated-fleet.ts';

const good = (count: number) => Array.from({ length: count }, () => true);
const bad = (count: number) => Array.from({ length: count }, () => false);

describe('an offer', () => {
  const ids = Array.from({ length: 5_000 }, () => newId('instance'));

  it('goes to a share of the instances, and to those again at every later stage', () => {
    const at = (percent: '1' | '10' | '100') => ids.filter((id) => isOffered(id, '2026.9.6', percent));
    expect(at('1').length).toBeGreaterThan(20);
    expect(at('1').length).toBeLessThan(100);
    expect(at('10').length).toBeGreaterThan(400);
    expect(at('10').length).toBeLessThan(600);
    expect(at('100')).toEqual(ids);
    expect(at('10')).toEqual(expect.arrayContaining(at('1')));
  });

  it('begins with other instances for another version', () => {
    const first = (version: string) => new Set(ids.filter((id) => isOffered(id, version, '1')));
    const both = [...first('2026.9.6')].filter((id) => first('2026.9.7').has(id));
    expect(both.length).toBeLessThan(10);
  });

  it('is the latest that has reached the instance', () => {
    const [older, newer] = [sampleRelease(), sampleRelease()];
    const channel = [
      { release: newer, stage: '10' },
      { release: older, stage: '100' },
    ] as const;
    const early = ids.find((id) => isOffered(id, newer.version, '10')) ?? '';
    const late = ids.find((id) => !isOffered(id, newer.version, '10')) ?? '';
    expect(offerFor(channel, early)).toEqual(newer);
    expect(offerFor(channel, late)).toEqual(older);
    expect(offerFor([], late)).toBeNull();
  });
});

describe('the evidence', () => {
  it.each([
    ['one failure alone', [false], null],
    ['two failures at the beginning', [...good(3), ...bad(2)], 4],
    ['failures far apart', [...good(2), ...bad(1), ...good(15), ...bad(1), ...good(200)], null],
    ['four of ten, later', [...good(50), ...bad(1), ...good(3), ...bad(1), ...good(3), ...bad(2)], 59],
    ['four in a row after a thousand that were fine', [...good(1000), ...bad(4)], 1003],
    ['nothing', [], null],
  ])('of %s', (_, outcomes, at) => {
    expect(stopsAt(outcomes)).toBe(at);
  });
});

const hourMs = 3_600_000;
const startedAt = '2026-01-01T00:00:00.000Z';
const after = (ms: number) => new Date(Date.parse(startedAt) + ms);
const seen = (changes: Partial<RolloutProgress> = {}): RolloutProgress => ({
  version: '2026.9.6',
  stage: '1',
  state: 'running',
  reason: null,
  startedAt,
  stageAt: startedAt,
  outcomes: good(5),
  stageSucceeded: 5,
  stageFailed: 0,
  fleet: 1000,
  ...changes,
});

describe('a rollout', () => {
  it('goes on after its time and enough successes, and not before either', () => {
    const { stageMs } = rolloutRules;
    expect(decide(seen(), after(stageMs - 1))).toBeNull();
    expect(decide(seen(), after(stageMs))).toEqual({ state: 'running', stage: '10', reason: null });
    expect(decide(seen({ stageSucceeded: 4 }), after(stageMs))).toBeNull();
    expect(decide(seen({ stage: '10', stageSucceeded: 30 }), after(stageMs))).toMatchObject({ stage: '100' });
    expect(decide(seen({ stage: '100', stageSucceeded: 100 }), after(stageMs))).toMatchObject({
      state: 'done',
    });
  });

  it('needs fewer successes where a stage reaches few', () => {
    const small = seen({ fleet: 30, outcomes: [], stageSucceeded: 0 });
    expect(decide(small, after(rolloutRules.stageMs))).toMatchObject({ stage: '10' });
    const tenth = { ...small, stage: '10' as const };
    expect(decide(tenth, after(rolloutRules.stageMs))).toBeNull();
    expect(decide({ ...tenth, stageSucceeded: 2 }, after(rolloutRules.stageMs))).toMatchObject({
      stage: '100',
    });
  });

  it('does not wait for ever for owners: it goes on if nothing failed, and stops if something did', () => {
    const quiet = seen({ outcomes: good(1), stageSucceeded: 1 });
    expect(decide(quiet, after(rolloutRules.patienceMs))).toMatchObject({ state: 'running', stage: '10' });
    const doubtful = seen({ outcomes: [true, false], stageSucceeded: 1, stageFailed: 1 });
    expect(decide(doubtful, after(rolloutRules.patienceMs - 1))).toBeNull();
    expect(decide(doubtful, after(rolloutRules.patienceMs))).toMatchObject({
      state: 'halted',
      reason: '1 failed and only 1 succeeded: too few to go on from 1 %.',
    });
  });

  it('halts at once, whatever the time, and says why; halted or done it stays', () => {
    const failing = seen({ outcomes: [true, false, false], stageFailed: 2 });
    expect(decide(failing, after(hourMs))).toEqual({
      state: 'halted',
      stage: '1',
      reason: '2 of the first 3 updates failed (stage 1 %).',
    });
    for (const state of ['halted', 'done'] as const)
      expect(decide({ ...failing, state }, after(hourMs))).toBeNull();
  });
});

describe('a fleet of 1,000', () => {
  const runs = 60;
  const play = (failureRate: number) => {
    const random = seeded(7);
    return Array.from({ length: runs }, () => simulateRollout({ instances: 1000, failureRate, random }));
  };

  it('is hardly harmed by a release that fails at three in ten: it halts by itself', () => {
    const ends = play(0.3);
    expect(ends.filter(({ state }) => state !== 'halted')).toEqual([]);
    const harmed = ends.map((end) => end.harmed);
    expect(harmed.reduce((sum, one) => sum + one) / runs).toBeLessThan(3);
    expect(Math.max(...harmed)).toBeLessThanOrEqual(5);
  });

  it('gets a release to everyone that fails at one in two hundred', () => {
    const ends = play(0.005);
    expect(ends.filter(({ state, updated }) => state !== 'done' || updated < 1000)).toEqual([]);
  });
});

const on = stage();

describe('an operator', () => {
  it('publishes a release, sees it move, halts it and lets it go on', async () => {
    const context = on.owner();
    const release = sampleRelease();
    const { version } = release;
    const show = async () => (await listRollouts(context)).find((one) => one.version === version);
    expect(await publishRelease(context, { release })).toBe(true);
    for (const outcome of ['succeeded', 'failed', 'failed'] as const) {
      const { instance, registration } = await readyInstance(on.db);
      await on.db.machine.report(
        instance.id,
        registration.identityPublicKey,
        reportLine({
          kind: 'openclaw_update',
          from: '2026.9.5',
          to: version,
          outcome,
          failedStep: outcome === 'failed' ? 'health' : null,
          downSeconds: 20,
        }),
      );
    }
    expect(await advanceRollouts(context)).toEqual([
      { version, state: 'halted', stage: '1', reason: '2 of the first 3 updates failed (stage 1 %).' },
    ]);
    expect(await advanceRollouts(context)).toEqual([]);
    expect(await show()).toMatchObject({ state: 'halted', succeeded: 1, failed: 2 });
    await resumeRollout(context, { version, stage: '10' });
    expect(await show()).toMatchObject({ state: 'running', stage: '10', reason: null, failed: 0 });
    await expect(resumeRollout(context, { version })).rejects.toMatchObject({ code: 'conflict' });
    await haltRollout(context, { version, reason: 'seen in the forum' });
    await haltRollout(context, { version, reason: 'twice' });
    expect(await show()).toMatchObject({ state: 'halted', reason: 'seen in the forum' });
    const unknown = { version: '1.0.0', reason: 'x' };
    await expect(haltRollout(context, unknown)).rejects.toMatchObject({ code: 'version_unknown' });
  });

  it('can’t publish what names no package exactly', async () => {
    const context = on.owner();
    for (const changes of [
      { integrity: 'sha512-short' },
      { version: '' },
      { releasedAt: 'yesterday' },
      { changelog: '漢'.repeat(20_000) },
    ])
      await expect(publishRelease(context, { release: sampleRelease(changes) })).rejects.toMatchObject({
        code: 'invalid_request',
      });
  });
});

/** Mulberry32: the same numbers for the same seed. */
function seeded(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
