import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildAgentBundle } from './bundle.ts';
import { agentVersion, pinnedOpenClawVersion } from './src/version.ts';

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'claw-bundle-'));
  folders.push(made);
  return made;
};
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

test('builds one file that runs by itself, the same bytes wherever it is built', async () => {
  const [one, other] = [folder(), folder()];
  const bundle = await buildAgentBundle(one);
  const again = await buildAgentBundle(other);
  expect(again.sha256).toBe(bundle.sha256);
  const bytes = readFileSync(bundle.path);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(bundle.sha256);
  // Nothing of this computer in it, or two computers would build two agents.
  expect(bytes.includes(import.meta.dirname)).toBe(false);
  expect(readdirSync(one).sort()).toEqual([`${bundle.sha256}.mjs`, 'agent.json'].sort());
  expect(JSON.parse(readFileSync(join(one, 'agent.json'), 'utf8'))).toEqual({
    sha256: bundle.sha256,
    version: agentVersion,
    openclawVersion: pinnedOpenClawVersion,
  });
  // No node_modules in reach: libsodium and ws are inside.
  const run = (...args: string[]) =>
    execFileSync(process.execPath, [bundle.path, ...args], { cwd: one, encoding: 'utf8', env: {} });
  expect(run('version')).toBe(`${agentVersion}\n`);
});
