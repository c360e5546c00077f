import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as pulumi from '@pulumi/pulumi';
import { LocalWorkspace, PulumiCommand, type PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { engineFromCache } from './index.ts';
import { cutOff, wholeProgram } from './whole-program.ts';

const limit = { timeout: 120_000 };
/** The SDK's own module, whose functions its other modules look up at each call. */
const settings = createRequire(import.meta.url)('@pulumi/pulumi/runtime/settings') as {
  setRootResource: () => Promise<void>;
};
const { setRootResource } = settings;
const unavailable = () =>
  Object.assign(new Error('14 UNAVAILABLE: No connection established.'), { code: 14, details: '' });

let dir: string;
let command: PulumiCommand;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'claw-whole-program-'));
  command = await PulumiCommand.get({ root: (await engineFromCache()).pulumiRoot });
});
// The SDK leaves the calls that were cut off to nobody.
const listeners = process.listeners('unhandledRejection');
beforeEach(() => {
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', () => undefined);
});
afterAll(() => {
  process.removeAllListeners('unhandledRejection');
  for (const listener of listeners) process.on('unhandledRejection', listener);
});
afterEach(() => Object.assign(settings, { setRootResource }));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const program: PulumiFn = async () => {
  new pulumi.ComponentResource('test:index:Thing', 'first');
  new pulumi.ComponentResource('test:index:Thing', 'last');
};
const open = (name: string, run: PulumiFn) =>
  LocalWorkspace.createOrSelectStack(
    { stackName: name, projectName: 'whole', program: run },
    {
      workDir: mkdtempSync(join(dir, 'work-')),
      pulumiCommand: command,
      envVars: {
        PULUMI_HOME: join(dir, 'home'),
        PULUMI_BACKEND_URL: `file://${dir}`,
        PULUMI_CONFIG_PASSPHRASE: 'a passphrase',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
      },
    },
  );
const namesIn = async (name: string) => {
  const { deployment } = await (await open(name, program)).workspace.exportStack(name);
  const { resources = [] } = deployment as { resources?: { urn: string }[] };
  return resources.flatMap(({ urn }) => (urn.includes('Thing') ? [urn.split('::').at(-1)] : [])).sort();
};

test('a program that was never called deletes nothing', limit, async () => {
  await (await open('uncalled', await wholeProgram(program))).up();
  settings.setRootResource = async () => {
    // When nothing else is under way any more: an earlier error is told to the engine.
    await delay(500);
    throw unavailable();
  };
  const stack = await open('uncalled', await wholeProgram(program));
  await expect(stack.up()).rejects.toThrow(cutOff);
  expect(await namesIn('uncalled')).toEqual(['first', 'last']);
  settings.setRootResource = setRootResource;
  expect((await (await open('uncalled', await wholeProgram(program))).up()).summary.resourceChanges).toEqual({
    same: 3,
  });
});

test('a program’s own error stays what it was', limit, async () => {
  const stack = await open(
    'raises',
    await wholeProgram(async () => {
      throw new Error('no such thing');
    }),
  );
  await expect(stack.up()).rejects.toThrow('no such thing');
});

test('a run waits until the program of the run before has ended', limit, async () => {
  const server = createRequire(import.meta.url)('@pulumi/pulumi/automation/server.js') as {
    LanguageServer: { prototype: { run: (...all: unknown[]) => Promise<void> } };
  };
  const started = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let formerEnded = false;
  const former = await open(
    'former',
    await wholeProgram(async () => {
      started.resolve();
      await held.promise;
      formerEnded = true;
    }),
  );
  const stop = new AbortController();
  const cut = expect(former.up({ signal: stop.signal })).rejects.toThrow();
  await started.promise;
  stop.abort();
  await cut;

  const { run } = server.LanguageServer.prototype;
  server.LanguageServer.prototype.run = function (...all) {
    asked.resolve();
    return run.apply(this, all);
  };
  let overlapped: boolean | undefined;
  const next = await open(
    'next',
    await wholeProgram(async () => {
      overlapped = !formerEnded;
    }),
  );
  const up = next.up();
  await asked.promise;
  server.LanguageServer.prototype.run = run;
  // Long enough for a program that doesn't wait to be called.
  await delay(500);
  held.resolve();
  await up;
  expect(overlapped).toBe(false);
});
