import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import type { LocalWorkspace, PulumiFn, Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineLocation } from './protocol.ts';

export interface WorkspaceOptions {
  readonly engine: EngineLocation;
  readonly backendUrl: string;
  readonly workDir: string;
  readonly project: string;
  /** The instance's id. */
  readonly stackName: string;
  readonly passphrase: string;
  readonly program: PulumiFn;
}

const parallel = '4';
const logRotationMb = '10';

// Only what is named here and in the child's own scrubbed environment reaches the engine and its plugins.
function environment(options: WorkspaceOptions, pulumiHome: string): Record<string, string> {
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

async function openWorkspace(options: WorkspaceOptions): Promise<LocalWorkspace> {
  // Loaded here and not at the top: a child that needs no engine starts in a third of the time and memory.
  const { LocalWorkspace, PulumiCommand } = await import('@pulumi/pulumi/automation/index.js');
  // A home of its own: what the engine writes beside its plugins goes away with the operation.
  const pulumiHome = join(options.workDir, 'pulumi-home');
  if (!existsSync(pulumiHome)) {
    mkdirSync(pulumiHome, { mode: 0o700 });
    symlinkSync(options.engine.pluginDir, join(pulumiHome, 'plugins'));
  }
  const workDir = mkdtempSync(join(options.workDir, 'workspace-'));
  try {
    const pulumiCommand = await PulumiCommand.get({ root: options.engine.cliRoot });
    return await LocalWorkspace.create({
      workDir,
      pulumiCommand,
      program: options.program,
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

/** The instance's stack, made when absent. Raises `engine_unavailable`; other failures are the engine's. */
export async function openStack(options: WorkspaceOptions): Promise<Stack> {
  const workspace = await openWorkspace(options);
  const { Stack } = await import('@pulumi/pulumi/automation/index.js');
  return Stack.createOrSelect(options.stackName, workspace);
}

/** As {@link openStack}, but null when there is no such stack. */
export async function findStack(options: WorkspaceOptions): Promise<Stack | null> {
  const workspace = await openWorkspace(options);
  const { Stack, StackNotFoundError } = await import('@pulumi/pulumi/automation/index.js');
  try {
    return await Stack.select(options.stackName, workspace);
  } catch (error) {
    if (error instanceof StackNotFoundError) return null;
    throw error;
  }
}
