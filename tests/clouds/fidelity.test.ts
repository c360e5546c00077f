import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineFromCache, stageStandIn } from '@claw-cloud/engine';
import { wholeProgram } from '@claw-cloud/engine/whole-program';
import { createPaperMachines, type FakeCloud, type SeenRequest } from '@claw-cloud/fake-clouds';
import { startFakeCloud } from '@claw-cloud/fake-clouds/hetzner';
import { stackIn } from '@claw-cloud/stacks';
import * as hcloud from '@pulumi/hcloud';
import * as pulumi from '@pulumi/pulumi';
import { LocalWorkspace, PulumiCommand, type PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { expect, test } from 'vitest';
import { asMarkdown, compare, type Step } from './fidelity.ts';

const page = fileURLToPath(new URL('../../docs/fidelity.md', import.meta.url));
const marks = ['<!-- measured: begin -->', '<!-- measured: end -->'] as const;
const stackName = 'ins_1';
const folder = 'hetzner';

/** What a run says at its end: its changes, or its complaints without what differs from run to run. */
function outcomeOf(result: { summary: { resourceChanges?: object } } | Error): string {
  if (!(result instanceof Error)) return JSON.stringify(result.summary.resourceChanges ?? {});
  const diagnostics = /Diagnostics:\n([\s\S]*?)\nResources:/.exec(result.message)?.[1] ?? result.message;
  const complaints = [...diagnostics.matchAll(/^\s+(?:error: |\* )(.+)$/gm)]
    .map(([, text = '']) => text.replace(/, [0-9a-z]{12,}\)/g, ')'))
    .filter((text) => !/^(?:1 error occurred:|update failed)$/.test(text));
  return [...new Set(complaints)].sort().join(' / ');
}

/** The life of one server, and a few wishes that are refused, through the plugins of one folder. */
async function live(pluginsDir: string): Promise<Step[]> {
  const cloud: FakeCloud = await startFakeCloud({ machines: createPaperMachines(), actionMs: 1 });
  const dir = mkdtempSync(join(tmpdir(), 'claw-fidelity-'));
  const steps: Step[] = [];
  try {
    mkdirSync(join(dir, 'home'));
    symlinkSync(pluginsDir, join(dir, 'home', 'plugins'));
    mkdirSync(join(dir, 'state'));
    const { pulumiRoot } = await engineFromCache();
    const pulumiCommand = await PulumiCommand.get({ root: pulumiRoot });
    const open = async (program: PulumiFn, name = stackName) =>
      LocalWorkspace.createOrSelectStack(
        { stackName: name, projectName: 'fidelity', program: await wholeProgram(program) },
        {
          workDir: mkdtempSync(join(dir, 'work-')),
          pulumiCommand,
          envVars: {
            PULUMI_HOME: join(dir, 'home'),
            PULUMI_BACKEND_URL: `file://${join(dir, 'state')}`,
            PULUMI_CONFIG_PASSPHRASE: 'a passphrase',
            PULUMI_SKIP_UPDATE_CHECK: 'true',
            PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
            PULUMI_CREDENTIAL_STORE: 'plaintext',
            PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
          },
        },
      );
    const { token = '' } = cloud.newCredential();
    const access = { credential: { token }, endpoint: cloud.endpoint, region: cloud.offer.region };
    const stack = await stackIn(folder);
    const program = (size: string, adopt: Record<string, string> = {}) =>
      stack.program(
        {
          instanceId: stackName,
          name: 'claw-ins-1',
          tag: 'claw-ins_1',
          labelKey: 'claw-cloud',
          region: cloud.offer.region,
          size,
          image: 'debian-13',
          userData: '#cloud-config\n',
          adopt,
        },
        access,
      );
    const step = async (
      name: string,
      run: () => Promise<{ summary: { resourceChanges?: object } }>,
    ): Promise<void> => {
      const before = cloud.requests().length;
      const result = await run().catch((error: Error) => error);
      const calls: readonly SeenRequest[] = cloud.requests().slice(before);
      steps.push({ name, calls, outcome: outcomeOf(result) });
    };
    const { size, larger } = cloud.offer;
    const ids = async () =>
      Object.fromEntries((await cloud.resources()).map(({ kind, id }): [string, string] => [kind, id]));

    await step('create', async () => (await open(program(size))).up());
    await step('refresh', async () => (await open(program(size))).refresh());
    await step('no change', async () => (await open(program(size))).up());
    await step('resize', async () => (await open(program(larger))).up());
    await cloud.byHand.openFirewall((await ids()).firewall ?? '');
    await step('refresh after the firewall was opened', async () => (await open(program(larger))).refresh());
    await step('repair', async () => (await open(program(larger))).up());
    await (await open(program(larger))).workspace.removeStack(stackName, { force: true });
    const { firewall = '', server = '' } = await ids();
    await step('adopt', async () => (await open(program(larger, { firewall, server }))).up());
    await step('no change after adopting', async () => (await open(program(larger))).up());
    await step('destroy', async () => (await open(stack.accessOnly(access))).destroy({ runProgram: true }));

    const provider = () =>
      new hcloud.Provider('cloud', {
        token: pulumi.secret(token),
        endpoint: cloud.endpoint,
        pollInterval: '50ms',
        pollFunction: 'constant',
      });
    const walled = (port: string) => async () => {
      const rules = [{ direction: 'in', protocol: 'tcp', port, sourceIps: ['0.0.0.0/0', '::/0'] }];
      new hcloud.Firewall('wall', { name: 'wall', rules }, { provider: provider() });
    };
    await step('a firewall with a rule', async () => (await open(walled('443'), 'wall')).up());
    await step('another rule', async () => (await open(walled('8443'), 'wall')).up());
    await step('destroy the firewall', async () => (await open(walled('8443'), 'wall')).destroy());

    const wish = (args: Record<string, unknown>) => async () => {
      const complete = {
        name: 'x',
        serverType: size,
        image: 'debian-13',
        location: cloud.offer.region,
        ...args,
      };
      class Unchecked extends pulumi.CustomResource {}
      new Unchecked('hcloud:index/server:Server', 'server', complete, { provider: provider() });
    };
    await step('an unknown type', async () => (await open(wish({ serverType: 'cx0' }), 'type')).up());
    await step('an unknown image', async () => (await open(wish({ image: 'debian-1' }), 'image')).up());
    await step('an unknown place', async () => (await open(wish({ location: 'nowhere' }), 'place')).up());
    await step('an unknown property', async () => (await open(wish({ colour: 'red' }), 'colour')).up());
    await step('a missing property', async () => (await open(wish({ serverType: undefined }), 'none')).up());
    await step('a property of another kind', async () => (await open(wish({ labels: 'a' }), 'kind')).up());
    expect((await cloud.resources()).map(({ kind }) => kind)).toEqual([]);
    return steps;
  } finally {
    await cloud.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test('Hetzner’s stand-in differs from the plugin built from Hetzner’s own provider in what docs/fidelity.md says, and in nothing else', {
  timeout: 1_800_000,
}, async () => {
  const standIns = mkdtempSync(join(tmpdir(), 'claw-fidelity-plugins-'));
  try {
    const { pulumiHome, plugins } = await engineFromCache();
    const vendors = plugins.find(({ name }) => name === 'hcloud');
    expect(vendors?.source).not.toBe('stand-in');
    await stageStandIn('hcloud', standIns);
    const built = await live(join(pulumiHome, 'plugins'));
    const standIn = await live(standIns);
    const comparison = compare(built, standIn);
    // A comparison of nothing with nothing would be perfect.
    expect(comparison.same).toBeGreaterThan(30);
    const measured = asMarkdown(built, comparison);
    const text = readFileSync(page, 'utf8');
    const [begin, end] = [text.indexOf(marks[0]) + marks[0].length, text.indexOf(marks[1])];
    if (process.env.UPDATE_DOCS === '1') {
      writeFileSync(page, `${text.slice(0, begin)}\n\n${measured}\n\n${text.slice(end)}`);
      return;
    }
    expect(text.slice(begin, end).trim()).toBe(measured);
  } finally {
    rmSync(standIns, { recursive: true, force: true });
  }
});
