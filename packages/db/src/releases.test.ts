import type { InstanceReport, OpenClawRelease } from '@claw-cloud/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  readyInstance,
  reportLine,
  sampleRelease,
  startTestDatabase,
  type TestDatabase,
} from './testing/index.ts';
import type { Database } from './types.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await startTestDatabase();
  db = test.db;
});
afterAll(() => test?.stop());

type Update = Extract<InstanceReport, { kind: 'openclaw_update' }>;

const updated = (release: OpenClawRelease, changes: Partial<Update> = {}): Update => ({
  kind: 'openclaw_update',
  from: '2026.9.5',
  to: release.version,
  outcome: 'succeeded',
  failedStep: null,
  downSeconds: 12,
  ...changes,
});
const report = async (said: InstanceReport) => {
  const { instance, registration } = await readyInstance(db);
  const say = (next: InstanceReport) =>
    db.machine.report(instance.id, registration.identityPublicKey, reportLine(next));
  await say(said);
  return say;
};
const rollout = async ({ version }: OpenClawRelease) =>
  (await db.provisioner.rollouts('all')).find((one) => one.version === version);

it('a release is published once; its changelog may be mended, its package may not', async () => {
  const release = sampleRelease();
  expect(await db.provisioner.publishRelease(release, '1')).toBe(true);
  expect(await db.provisioner.publishRelease({ ...release, changelog: 'Mended' }, '100')).toBe(false);
  const [offered] = await db.machine.channel();
  expect(offered).toEqual({ release: { ...release, changelog: 'Mended' }, stage: '1' });
  const other = { ...release, integrity: `sha512-${'B'.repeat(86)}==` };
  await expect(db.provisioner.publishRelease(other, '1')).rejects.toMatchObject({ code: 'conflict' });
});

it('the channel offers the latest first, and nothing that is halted', async () => {
  const [older, newer] = [sampleRelease(), sampleRelease()];
  await db.provisioner.publishRelease(older, '100');
  await db.provisioner.publishRelease(newer, '10');
  const offered = async () => (await db.machine.channel()).map(({ release }) => release.version);
  expect((await offered()).slice(0, 2)).toEqual([newer.version, older.version]);
  const halted = { state: 'halted', stage: '10', reason: 'by hand' } as const;
  expect(await db.provisioner.moveRollout(newer.version, { state: 'running', stage: '10' }, halted)).toBe(
    true,
  );
  expect((await offered())[0]).toBe(older.version);
});

it('outcomes count for the version that was gone to, the first of each instance, and only where it is at fault', async () => {
  const release = sampleRelease();
  await db.provisioner.publishRelease(release, '1');
  const again = await report(updated(release));
  await again(updated(release, { outcome: 'failed', failedStep: 'health' }));
  await report(updated(release, { outcome: 'rolled_back', failedStep: 'start' }));
  await report(updated(release, { outcome: 'failed' }));
  // No fault of the release: the disk was full, the power went, the owner went back by choice, another version.
  await report(updated(release, { outcome: 'failed', failedStep: 'backup' }));
  await report(updated(release, { outcome: 'rolled_back', failedStep: 'power_cut' }));
  await report(updated(release, { outcome: 'rolled_back' }));
  await report(updated(release, { to: '1.0.0' }));
  expect(await rollout(release)).toMatchObject({
    outcomes: [true, false, false],
    stageSucceeded: 1,
    stageFailed: 2,
    stage: '1',
    state: 'running',
  });
  expect((await rollout(release))?.fleet).toBeGreaterThan(5);
});

it('a rollout is moved by whoever saw it as it is, and by nobody after', async () => {
  const release = sampleRelease();
  await db.provisioner.publishRelease(release, '1');
  const before = await rollout(release);
  const move = () =>
    db.provisioner.moveRollout(
      release.version,
      { state: 'running', stage: '1' },
      { state: 'running', stage: '10', reason: null },
    );
  expect([await move(), await move()]).toEqual([true, false]);
  const after = await rollout(release);
  expect(after).toMatchObject({ stage: '10', startedAt: before?.startedAt });
  expect(Date.parse(after?.stageAt ?? '')).toBeGreaterThan(Date.parse(before?.stageAt ?? ''));
});

it('what failed before a rollout was resumed counts no more, and the same instance may speak again', async () => {
  const release = sampleRelease();
  await db.provisioner.publishRelease(release, '1');
  const failed = updated(release, { outcome: 'rolled_back', failedStep: 'health' });
  const again = await report(failed);
  const move = (from: 'running' | 'halted', to: 'running' | 'halted') =>
    db.provisioner.moveRollout(
      release.version,
      { state: from, stage: '1' },
      { state: to, stage: '1', reason: to === 'halted' ? 'two failed' : null },
    );
  await move('running', 'halted');
  expect(await rollout(release)).toMatchObject({ reason: 'two failed', outcomes: [false] });
  expect((await db.provisioner.rollouts('running')).map(({ version }) => version)).not.toContain(
    release.version,
  );
  await move('halted', 'running');
  expect(await rollout(release)).toMatchObject({ reason: null, outcomes: [], stageFailed: 0 });
  await again(updated(release));
  expect(await rollout(release)).toMatchObject({ outcomes: [true] });
});
