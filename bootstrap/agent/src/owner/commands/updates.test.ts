import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceReport, ProductError, type ReleaseOffer } from '@claw-cloud/contracts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFakeRoot, type FakeRoot } from '../../../testing/fake-root.ts';
import { createPaths } from '../../paths.ts';
import type { Ending } from '../../updates/records.ts';
import { settleUpdates } from '../../updates/settle.ts';
import { backupCommands } from './backup.ts';
import type { CommandContext } from './context.ts';
import { updateCommands } from './updates.ts';

const integrity = `sha512-${'A'.repeat(86)}==`;
const openclaw = {
  version: '2026.9.6',
  integrity,
  releasedAt: '2026-09-23T00:00:00.000Z',
  changelog: '# New',
};
const ending: Ending = {
  id: 'one',
  kind: 'update',
  at: '2026-11-25T18:00:00.000Z',
  from: '2026.9.5',
  to: '2026.9.6',
  outcome: 'succeeded',
  failedStep: null,
  reason: null,
  downSeconds: 17.2,
};
const state = { current: '2026.9.5', previous: null, running: null, last: null };

let folder: string;
let root: FakeRoot;
let offer: ReleaseOffer;
let reports: InstanceReport[];
let audited: string[];
let held: number;
let context: CommandContext;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-updates-'));
  root = createFakeRoot({ 'openclaw.state': () => state });
  offer = { openclaw, agent: null };
  [reports, audited, held] = [[], [], 0];
  // What no command of these tests uses is left out.
  context = {
    root,
    paths: createPaths(folder, null),
    log: () => undefined,
    gateway: { version: () => '2026.9.5' },
    health: () => ({ agentSha256: 'a'.repeat(64) }),
    device: { publicKey: '', name: 'laptop', kind: 'device' },
    releases: { offered: () => offer },
    audit: {
      record: ({ action, outcome }: { action: string; outcome: string }) =>
        audited.push(`${action} ${outcome}`),
    },
    report: (report: InstanceReport) => reports.push(report),
    progress: () => undefined,
    holdGatewayCheck: () => {
      held += 1;
      return () => {
        held -= 1;
      };
    },
  } as unknown as CommandContext;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const apply = (version = openclaw.version) => updateCommands['updates.apply']({ version }, context);

it('shows what is in use and offered, and what the owner decided', async () => {
  await updateCommands['updates.snooze']({ days: 3 }, context);
  const updates = await updateCommands['updates.pin']({ version: '2026.9.5' }, context);
  expect(updates).toMatchObject({ current: '2026.9.5', latest: openclaw, pinned: '2026.9.5', last: null });
  const days = (Date.parse(updates.snoozedUntil ?? '') - Date.now()) / (24 * 3_600_000);
  expect(days).toBeCloseTo(3, 1);
  root.answers['openclaw.state'] = () => ({ ...state, current: openclaw.version });
  expect((await updateCommands['updates.get']({}, context)).latest).toBeNull();
});

it('has root update by the offer’s digest, tells the control plane how it ended, once, and who did it', async () => {
  root.answers['openclaw.update'] = () => {
    root.answers['openclaw.state'] = () => ({ ...state, current: openclaw.version, last: ending });
    return ending;
  };
  await updateCommands['updates.snooze']({ days: 3 }, context);
  expect(await apply()).toMatchObject({
    current: '2026.9.6',
    snoozedUntil: null,
    last: { outcome: 'succeeded', downSeconds: 17.2 },
  });
  expect(root.asked).toContainEqual({ verb: 'openclaw.update', params: { version: '2026.9.6', integrity } });
  const { from, to, outcome, failedStep, downSeconds } = ending;
  expect(reports).toEqual([{ kind: 'openclaw_update', from, to, outcome, failedStep, downSeconds }]);
  expect(audited).toEqual(['openclaw.update succeeded']);
  // The agent starts again: it was told already.
  root.answers['openclaw.recover'] = () => ({ ending: null });
  await settleUpdates({ ...context, root, signal: AbortSignal.timeout(50), everyMs: 10_000 });
  expect(reports).toHaveLength(1);
  expect(held).toBe(0);
});

it('tells a failure too, after root has put back what a lost daemon left', async () => {
  const failed = { ...ending, outcome: 'failed' as const, failedStep: 'health' as const };
  root.answers['openclaw.update'] = () => {
    root.answers['openclaw.state'] = () => ({ ...state, last: failed });
    throw new ProductError('update_failed', 'It was not healthy.', 'Stay.');
  };
  root.answers['openclaw.recover'] = () => ({ ending: null });
  await expect(apply()).rejects.toMatchObject({ code: 'update_failed' });
  expect(root.asked.map(({ verb }) => verb)).toContain('openclaw.recover');
  expect(reports).toMatchObject([{ outcome: 'failed', failedStep: 'health' }]);
  expect(audited).toEqual(['openclaw.update failed']);
});

it('recovers at the agent’s start what a power cut left, and tells it', async () => {
  const cut = { ...ending, outcome: 'failed' as const, failedStep: 'power_cut' as const };
  let heldMeanwhile = 0;
  root.answers['openclaw.recover'] = () => {
    heldMeanwhile = held;
    root.answers['openclaw.state'] = () => ({ ...state, last: cut });
    return { ending: cut };
  };
  await settleUpdates({ ...context, root, signal: AbortSignal.timeout(50), everyMs: 10_000 });
  expect(heldMeanwhile).toBe(1);
  expect(reports).toMatchObject([{ kind: 'openclaw_update', failedStep: 'power_cut' }]);
});

it('keeps to a pin, takes any exact version without one, and no digest of another', async () => {
  await updateCommands['updates.pin']({ version: '2026.9.5' }, context);
  await expect(apply()).rejects.toMatchObject({ code: 'conflict' });
  await updateCommands['updates.pin']({ version: null }, context);
  root.answers['openclaw.update'] = () => ending;
  await apply('2026.9.4');
  expect(root.asked).toContainEqual({
    verb: 'openclaw.update',
    params: { version: '2026.9.4', integrity: null },
  });
});

it('says in the process sandbox what it can’t do there', async () => {
  const sandboxed = { ...context, root: null };
  expect(await updateCommands['updates.get']({}, sandboxed)).toMatchObject({
    current: '2026.9.5',
    previous: null,
  });
  const needed = { code: 'machine_needed' };
  const version = '2026.9.6';
  const attempts = [
    async () => updateCommands['updates.apply']({ version }, sandboxed),
    async () => updateCommands['updates.rollback']({}, sandboxed),
    async () => updateCommands['updates.pin']({ version }, sandboxed),
    async () => updateCommands['updates.snooze']({ days: 1 }, sandboxed),
    async () => backupCommands['backup.create']({ recipients: [] }, sandboxed),
    async () => backupCommands['backup.list']({}, sandboxed),
    async () => backupCommands['restore.begin']({ bytes: 1, sha256: '' }, sandboxed),
    async () => backupCommands['restore.apply']({}, sandboxed),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(needed);
});
