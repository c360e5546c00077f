import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
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
}

/** The Pulumi engine for one stack. Raises `engine_unavailable` where it can't be started; else what Pulumi raises. */
export interface Engine {
  /** Makes the stack; for one that can't exist yet. */
  create(program: PulumiFn): Promise<Stack>;
  open(program: PulumiFn): Promise<Stack>;
  /** Null when there is no such stack. */
  find(program: PulumiFn): Promise<Stack | null>;
  /** Removes the stack whatever its state still says; call it when nothing of it runs any more. */
  remove(): Promise<void>;
}

const parallel = '4';
const logRotationMb = '10';

// Only what is named here and in the child's own scrubbed environment reaches the engine and its plugins.
function environment(options: EngineOptions, pulumiHome: string): Record<string, string> {
  return {
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
  };
}

/** What a child loads while it waits for the cloud: the SDK (about 100 MB) and the CLI's version. */
export interface WarmEngine {
  for(options: Omit<EngineOptions, 'location' | 'workDir'>): Engine;
}

/** Starts loading at once. `location` null means that no engine is set up here: known at the first use. */
export function warmEngine(location: EngineLocation | null, workDir: string): WarmEngine {
  // Loaded here and not at the top: a child that needs no engine starts in a third of the time and memory.
  const loading = import('@pulumi/pulumi/automation/index.js');
  const command = loading.then(({ PulumiCommand }) => {
    if (location === null) throw new Error('no engine is set up');
    return PulumiCommand.get({ root: location.cliRoot });
  });
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
        program,
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

  async function find(program: PulumiFn): Promise<Stack | null> {
    const where = await workspace(program);
    const { Stack, StackNotFoundError } = await import('@pulumi/pulumi/automation/index.js');
    try {
      opened = await Stack.select(options.stackName, where);
      return opened;
    } catch (error) {
      if (error instanceof StackNotFoundError) return null;
      throw error;
    }
  }

  return {
    async create(program) {
      const where = await workspace(program);
      const { Stack } = await import('@pulumi/pulumi/automation/index.js');
      opened = await Stack.create(options.stackName, where);
      return opened;
    },
    async open(program) {
      const where = await workspace(program);
      const { Stack } = await import('@pulumi/pulumi/automation/index.js');
      opened = await Stack.createOrSelect(options.stackName, where);
      return opened;
    },
    find,
    async remove() {
      const stack = opened ?? (await find(async () => undefined));
      if (!stack) return;
      try {
        await stack.workspace.removeStack(options.stackName, { force: true });
      } catch {
        // Most likely a lock that a killed CLI left: nothing of it runs any more.
        await stack.cancel();
        await stack.workspace.removeStack(options.stackName, { force: true });
      }
      opened = null;
    },
  };
}
