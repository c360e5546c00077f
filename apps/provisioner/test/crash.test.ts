import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { commandOf, createRig, type ProvisionerProcess, type Rig, until } from './rig.ts';

let rig: Rig;
let provisioner: ProvisionerProcess;

beforeAll(async () => {
  rig = await createRig();
  provisioner = await rig.startProvisioner();
});
afterAll(() => rig?.close());

type Victim = 'the child' | 'the CLI' | 'the plugin' | 'the provisioner' | 'everything at once';
const victims: Victim[] = ['the child', 'the CLI', 'the plugin', 'the provisioner', 'everything at once'];
const slowMs = 1500;

/** Pids of an operation's processes, by what they run. */
function processesOf(operationId: string) {
  const pids = engineProcesses(operationId);
  const running = (pattern: RegExp) => pids.filter((pid) => pattern.test(commandOf(pid)));
  return {
    all: pids,
    child: running(/child\/main\.ts/),
    cli: running(/bin\/pulumi /),
    plugin: running(/pulumi-resource-hcloud/),
  };
}

async function killVictim(victim: Victim, operationId: string): Promise<void> {
  const { all, child, cli, plugin } = processesOf(operationId);
  const kill = (pids: number[]) => {
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  };
  if (victim === 'the child') kill(child);
  if (victim === 'the CLI') kill(cli);
  if (victim === 'the plugin') kill(plugin);
  if (victim === 'everything at once') kill(all);
  if (victim !== 'the provisioner' && victim !== 'everything at once') return;
  await provisioner.kill('SIGKILL');
  provisioner = await rig.startProvisioner();
}

/** Makes one request slow and resolves when it is under way. */
async function slowly(method: string, path: string): Promise<void> {
  const { id } = rig.cloud.faults.add({
    kind: 'slow_api',
    match: { method, path },
    times: 1,
    delayMs: slowMs,
  });
  await until(`${method} ${path} is under way`, () =>
    rig.cloud.faults.list().some((fault) => fault.id === id && fault.hits > 0) ? true : null,
  );
}

async function stateRows(instanceId: string): Promise<number> {
  const sql = postgres(rig.database.postgresUrl('pulumi'), { max: 1 });
  const rows = await sql`select key from pulumi_state where key like ${`%${instanceId}%`}`;
  await sql.end();
  return rows.length;
}

/** A killed CLI does not cost the child: it goes on in the same process. */
async function expectSameChild(operationId: string, child: number[]): Promise<void> {
  await until('the CLI runs again', () => (processesOf(operationId).cli.length > 0 ? true : null));
  expect(processesOf(operationId).child).toEqual(child);
}

describe.each(victims)('kill -9 of %s', (victim) => {
  let instanceId: string;

  test('in the middle of a create: one server, as if nothing had happened', {
    timeout: 240_000,
  }, async () => {
    const credentialId = await rig.addCredential(rig.newToken());
    await rig.checked(credentialId);
    const deploying = await rig.deploy(credentialId);
    instanceId = deploying.instanceId;
    const { operationId } = deploying;
    await slowly('POST', '/servers');
    const { child } = processesOf(operationId);
    await killVictim(victim, operationId);
    if (victim === 'the CLI') await expectSameChild(operationId, child);
    const deployed = await rig.ended(operationId);
    expect(deployed.failure, rig.log.join('\n')).toBe(null);
    // The request that was under way may take effect after its sender died.
    await delay(slowMs);
    expect(rig.serversOf(instanceId)).toHaveLength(1);
    expect(rig.madeServers(instanceId)).toBe(1);
    expect(await rig.instance(instanceId)).toMatchObject({ state: 'booting' });
    // Taking over a machine that is just booting doesn't switch it off.
    expect(rig.cloud.requests().filter(({ path }) => path.endsWith('/poweroff'))).toEqual([]);
    expect(engineProcesses(operationId)).toEqual([]);
  });

  test('and in the middle of the destroy: nothing is left', { timeout: 240_000 }, async () => {
    const { id } = await rig.destroy(instanceId);
    await slowly('DELETE', '/servers/*');
    await killVictim(victim, id);
    const destroyed = await rig.ended(id);
    expect(destroyed.failure, rig.log.join('\n')).toBe(null);
    expect(destroyed.receipt?.left).toEqual([]);
    expect(destroyed.receipt?.made.map((entry) => entry.kind).sort()).toEqual([
      'firewall',
      'primary_ip',
      'primary_ip',
      'server',
    ]);
    expect(destroyed.receipt?.deleted).toHaveLength(4);
    expect(rig.serversOf(instanceId)).toEqual([]);
    expect(rig.peakServers(instanceId)).toBe(1);
    expect(engineProcesses(id)).toEqual([]);
    expect(await stateRows(instanceId)).toBe(0);
  });
});
