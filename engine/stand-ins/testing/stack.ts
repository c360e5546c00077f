import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from '@pulumi/pulumi/automation/index.js';
import { engineFromCache } from '../../src/ensure.ts';
import type { PluginName } from '../../src/pieces.ts';
import { stageStandIn } from '../../src/stand-in.ts';
import { wholeProgram } from '../../src/whole-program.ts';

/**
 * The real engine with one stand-in, bundled from today's sources, as its only plugin; state in a folder that is thrown
 * away. `environment` reaches the plugin.
 */
export async function startEngine(name: PluginName, environment: Record<string, string> = {}) {
  const { pulumiRoot } = await engineFromCache();
  const dir = mkdtempSync(join(tmpdir(), `claw-stand-in-${name}-`));
  const home = join(dir, 'home');
  const plugins = join(dir, 'plugins');
  mkdirSync(home, { recursive: true });
  mkdirSync(join(dir, 'state'));
  await stageStandIn(name, plugins);
  symlinkSync(plugins, join(home, 'plugins'));
  const pulumiCommand = await PulumiCommand.get({ root: pulumiRoot });
  return {
    dir,
    open: async (program: PulumiFn, stackName = 'life'): Promise<Stack> =>
      LocalWorkspace.createOrSelectStack(
        { stackName, projectName: 'stand-in', program: await wholeProgram(program) },
        {
          workDir: mkdtempSync(join(dir, 'work-')),
          pulumiCommand,
          envVars: {
            PULUMI_HOME: home,
            PULUMI_BACKEND_URL: `file://${join(dir, 'state')}`,
            PULUMI_CONFIG_PASSPHRASE: 'a passphrase',
            PULUMI_SKIP_UPDATE_CHECK: 'true',
            PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
            PULUMI_CREDENTIAL_STORE: 'plaintext',
            PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
            ...environment,
          },
          stackSettings: { [stackName]: { config: { 'pulumi:disable-default-providers': ['*'] } } },
        },
      ),
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export type TestEngine = Awaited<ReturnType<typeof startEngine>>;
