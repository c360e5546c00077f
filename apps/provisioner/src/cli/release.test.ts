import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await startTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'claw-release-'));
  await writeFile(join(folder, 'notes.md'), '- Mends this and that');
});
afterAll(async () => {
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = {
      SUPABASE_URL: database.url,
      SUPABASE_SECRET_KEY: database.secretKey,
      SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
      SUPABASE_JWT_SECRET: database.jwtSecret,
    };
    const script = join(import.meta.dirname, 'release.ts');
    execFile(process.execPath, [script, ...args], { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
const integrity = `sha512-${'A'.repeat(86)}==`;

test('an operator publishes a release, halts it and lets it go on', { timeout: 120_000 }, async () => {
  const publish = ['publish', '2026.9.6', '--integrity', integrity, '--changelog', join(folder, 'notes.md')];
  expect(await run(...publish)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^2026\.9\.6 is offered to 1 %.*\n2026\.9\.6 {2}running at 1 % since/),
  });
  expect((await run(...publish)).out).toContain('its changelog was replaced');
  expect((await run('halt', '2026.9.6', '--reason', 'seen in the forum')).out).toMatch(
    /halted at 1 % .* 0 succeeded, 0 failed {2}seen in the forum/,
  );
  expect((await run('resume', '2026.9.6', '--stage', '10')).out).toContain('running at 10 %');
  const [offered] = await database.db.machine.channel();
  expect(offered).toMatchObject({
    stage: '10',
    release: { version: '2026.9.6', integrity, changelog: '- Mends this and that' },
  });
  expect((await run('show')).out.split('\n')).toHaveLength(2);
});

test('what is wrong is said, and how to do it right', { timeout: 120_000 }, async () => {
  expect(await run('publish', '2026.9.7', '--changelog', join(folder, 'notes.md'))).toMatchObject({
    code: 1,
    err: expect.stringContaining('release.integrity'),
  });
  expect(await run('halt', '1.0.0', '--reason', 'x')).toMatchObject({
    code: 1,
    err: 'There is no rollout of 1.0.0.\nPublish the release first.\n',
  });
  expect(await run('relaese')).toMatchObject({ code: 1, err: expect.stringContaining('no command') });
  expect(await run()).toMatchObject({ code: 2, out: expect.stringContaining('publish <version>') });
});
