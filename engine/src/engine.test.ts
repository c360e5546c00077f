import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import { expect, test } from 'vitest';
import { engineFromCache } from './ensure.ts';
import { enginePins, goSourceDir } from './pieces.ts';
import { run } from './run.ts';

const pins = enginePins();

test('the cached CLI runs and is the pinned version', async () => {
  const engine = await engineFromCache();
  const command = await PulumiCommand.get({ root: engine.pulumiRoot });
  expect(String(command.version)).toBe(pins.cli.version);
  expect(engine.pulumiVersion).toBe(pins.cli.version);
});

test('the CLI finds the plugins under the home it is told', async () => {
  const engine = await engineFromCache();
  const listed = await run(join(engine.pulumiRoot, 'bin', 'pulumi'), ['plugin', 'ls', '--json'], {
    env: { PULUMI_HOME: engine.pulumiHome, PULUMI_SKIP_UPDATE_CHECK: 'true', PATH: '' },
    timeoutMs: 20_000,
  });
  const found = (JSON.parse(listed) as { name: string; version: string }[]).map((entry) => [
    entry.name,
    entry.version,
  ]);
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(pins.plugins).map(([name, { version }]) => [name, version])),
  );
});

test('the Go module builds the version that the npm package asks for', () => {
  const goMod = readFileSync(join(goSourceDir(pins.cli.go!), 'go.mod'), 'utf8');
  expect(goMod).toContain(`github.com/pulumi/pulumi/pkg/v3 v${pins.cli.version} `);
  expect(goMod).toContain(`github.com/pulumi/pulumi/sdk/v3 v${pins.cli.version} `);
});

test('another platform has a cache of its own', () => {
  expect(enginePins('linux-x64').key).not.toBe(enginePins('linux-arm64').key);
});
