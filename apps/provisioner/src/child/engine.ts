import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { wholeProgram } from '@claw-cloud/engine/whole-program';
import type { LocalWorkspace, PulumiCommand, PulumiFn, Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineLocation } from './protocol.ts';

export interface EngineOptions {
  readonly location: EngineLocation;
  readonly backendUrl: string;
  /** The child's own folder. */
  readonly workDir: string;
  readonly project: string;
  /** The instance's id. */
  readonly stackName: string;
  readonly passphrase: string;
  /** What the cloud's plugin needs beside its arguments; nothing secret. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The Pulumi engine for one stack. Raises `engine_unavailable` where it can't be started; else what Pulumi raises.
 * Every start of the CLI costs half a second of processor time: the stacks given out here don't ask for their outputs
 * and their summary after each run, which nobody reads.
 */
export interface Engine {
  /** Makes the stack; for one that can't exist yet. */
  create(program: PulumiFn): Promise<Stack>;
  /** Makes it where it isn't there. */
  open(program: PulumiFn): Promise<Stack>;
  /** Takes its existence for granted: where it isn't there, the first run of it raises what `isNoStack` knows. */
  existing(program: PulumiFn): Promise<Stack>;
  /** Removes the stack whatever its state still says; call it when nothing of it runs any more. */
  remove(): Promise<void>;
}

const parallel = '4';
const logRotationMb = '10';

// Only what is named here and in the child's own scrubbed environment reaches the engine and its plugins.
function environment(options: EngineOptions, pulumiHome: string): Record<string, string> {
  return {
    ...options.environment,
    PULUMI_HOME: pulumiHome,
    PULUMI_BACKEND_URL: options.backendUrl,
    PULUMI_CONFIG_PASSPHRASE: options.passphrase,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    PULUMI_DISABLE_REGISTRY_RESOLVE: 'true',
    PULUMI_SUPPRESS_NEO_LINK: 'true',
    // A newer CLI would try the desktop's keyring first.
    PULUMI_CREDENTIAL_STORE: 'plaintext',
    // The working folder is thrown away; the state knows how its secrets are encrypted.
    PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
    PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: 'true',
    PULUMI_PARALLEL: parallel,
    PULUMI_LOG_ROTATION_MAX_TOTAL_MB: logRotationMb,
    // A quarter of Go's usual room for garbage: the CLI lives for seconds, and this saves 15 MB of 110.
    GOGC: '25',
  };
}

/** Whether a run was refused because there is no such stack. */
export const isNoStack = (error: unknown): boolean =>
  error instanceof Error && error.name === 'StackNotFoundError';

/** A stack whose runs end when the engine's process does. */
function unread(stack: Stack): Stack {
  stack.outputs = async () => ({});
  stack.info = async () => undefined;
  return stack;
}

/** What a child loads while it waits for the cloud: the SDK (about 100 MB) and the CLI's version. */
export interface WarmEngine {
  for(options: Omit<EngineOptions, 'location' | 'workDir'>): Engine;
}

/** Starts loading at once. `location` null means that there is no engine, or no need of one: known at the first use. */
export function warmEngine(location: EngineLocation | null, workDir: string): WarmEngine {
  const load = async () => {
    if (location === null) throw new Error('no engine is set up');
    // Loaded here and not at the top: a child that needs no engine starts in a third of the time and memory.
    const { PulumiCommand } = await import('@pulumi/pulumi/automation/index.js');
    return PulumiCommand.get({ root: location.cliRoot });
  };
  const command = load();
  // Awaited later: a failure before that must not end the process.
  command.catch(() => undefined);
  return {
    for: (options) =>
      createEngine({ ...options, location: location ?? { cliRoot: '', pluginDir: '' }, workDir }, command),
  };
}

function createEngine(options: EngineOptions, command: Promise<PulumiCommand>): Engine {
  let opened: Stack | null = null;
  // A home of its own: what the engine writes beside its plugins goes away with the operation.
  const pulumiHome = join(options.workDir, 'pulumi-home');

  async function workspace(program: PulumiFn): Promise<LocalWorkspace> {
    try {
      const pulumiCommand = await command;
      const { LocalWorkspace } = await import('@pulumi/pulumi/automation/index.js');
      if (!existsSync(pulumiHome)) {
        mkdirSync(pulumiHome, { mode: 0o700 });
        symlinkSync(options.location.pluginDir, join(pulumiHome, 'plugins'));
      }
      return await LocalWorkspace.create({
        workDir: mkdtempSync(join(options.workDir, 'workspace-')),
        pulumiCommand,
        program: await wholeProgram(program),
        envVars: environment(options, pulumiHome),
        projectSettings: { name: options.project, runtime: 'nodejs' },
        // An explicit provider or none: a default one would take credentials from wherever it finds them.
        stackSettings: { [options.stackName]: { config: { 'pulumi:disable-default-providers': ['*'] } } },
      });
    } catch (error) {
      throw new ProductError(
        'engine_unavailable',
        'The Pulumi engine can not be started.',
        'Run the setup of the platform again, then try again.',
        { cause: error },
      );
    }
  }

  async function stackBy(
    how: 'create' | 'createOrSelect' | 'select',
    program: PulumiFn,
    where?: LocalWorkspace,
  ): Promise<Stack> {
    const { Stack } = await import('@pulumi/pulumi/automation/index.js');
    opened = unread(await Stack[how](options.stackName, where ?? (await workspace(program))));
    return opened;
  }

  async function existing(program: PulumiFn): Promise<Stack> {
    const where = await workspace(program);
    // Every command names its stack: selecting it is a start of the CLI for nothing.
    where.selectStack = async () => undefined;
    return stackBy('select', program, where);
  }

  return {
    create: (program) => stackBy('create', program),
    open: (program) => stackBy('createOrSelect', program),
    existing,
    async remove() {
      const stack = opened ?? (await existing(async () => undefined));
      const remove = () => stack.workspace.removeStack(options.stackName, { force: true });
      try {
        await remove().catch(async (error: unknown) => {
          if (isNoStack(error)) throw error;
          // Most likely a lock that a killed CLI left: nothing of it runs any more.
          await stack.cancel();
          await remove();
        });
      } catch (error) {
        if (!isNoStack(error)) throw error;
      }
      opened = null;
    },
  };
}
