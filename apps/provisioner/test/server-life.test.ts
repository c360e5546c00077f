import { newId, type Operation } from '@claw-cloud/contracts';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { createRig, type Rig, until } from './rig.ts';

let rig: Rig;
let token: string;
let credentialId: string;
let instanceId: string;
let stopId: string;
let checkId: string;

// What every cloud has to do is in tests/clouds/conformance.ts; here is what takes only one cloud to be shown.

/** Brings the instance to ready, as its machine would. */
async function readyInstance(): Promise<string> {
  const deployed = await rig.deploy(credentialId);
  expect((await rig.ended(deployed.operationId, 150_000)).failure, rig.log.slice(-15).join('\n')).toBe(null);
  await rig.makeReady(deployed.instanceId);
  return deployed.instanceId;
}

beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner({ SHUTDOWN_GRACE_MS: '1500', RETRY_FIRST_MS: '500', RETRY_LONGEST_MS: '1000' });
  token = rig.newToken();
  credentialId = await rig.addCredential(token);
  await rig.checked(credentialId);
  instanceId = await readyInstance();
}, 300_000);
afterAll(() => rig?.close());
beforeEach(() => rig.cloud.faults.clear());

const op = () => newId('operation');
const asked = async (operation: Promise<Operation>): Promise<Operation> => {
  const ended = await rig.ended((await operation).id, 150_000);
  return ended;
};
const theServer = () => {
  const [server] = rig.serversOf(instanceId);
  if (!server) throw new Error('no server');
  return server;
};

/** As after a loss of the engine's database. */
async function forgetState(of: string): Promise<void> {
  const sql = postgres(rig.database.postgresUrl('pulumi'), { max: 1 });
  await sql`delete from pulumi_state where key like ${`%${of}%`}`;
  await sql.end();
}

describe('a resize', { timeout: 400_000 }, () => {
  test('to another size', async () => {
    const ended = await asked(
      rig.owner.resizeInstance(instanceId, { size: 'cx33', expectedMonthlyPrice: 7.1281 }, op()),
    );
    expect(ended.failure, rig.log.slice(-15).join('\n')).toBe(null);
    const orders = rig.cloud.requests().flatMap(({ path }) => /\/actions\/(\w+)$/.exec(path)?.[1] ?? []);
    // The operating system is asked before anything else.
    expect(orders.filter((order) => order === 'shutdown' || order === 'change_type').slice(-2)).toEqual([
      'shutdown',
      'change_type',
    ]);
    expect(theServer().status).toBe('running');
    expect(await rig.instance(instanceId)).toMatchObject({
      state: 'ready',
      size: 'cx33',
      monthlyPrice: 7.1281,
    });
  });
});

describe('a state that is lost', { timeout: 400_000 }, () => {
  test('is seen by a check, and a repair takes over what bears the tag', async () => {
    await forgetState(instanceId);
    await asked(rig.owner.checkInstance(instanceId, op()));
    expect((await rig.instance(instanceId)).drift?.items).toMatchObject([{ kind: 'state', what: 'missing' }]);
    const before = theServer().id;
    const repaired = await asked(rig.owner.repairInstance(instanceId, op()));
    expect(repaired.failure, rig.log.slice(-15).join('\n')).toBe(null);
    expect((await rig.instance(instanceId)).drift).toMatchObject({ items: [] });
    expect([theServer().id, rig.madeServers(instanceId)]).toEqual([before, 1]);
  });
});

describe('a credential that was replaced at the cloud', { timeout: 400_000 }, () => {
  test('gives way to another one of the same account, and to none of another account', async () => {
    const [elsewhere, fresh] = [rig.newToken('read_write', 'other'), rig.newToken()];
    const [wrong, right] = [await rig.addCredential(elsewhere), await rig.addCredential(fresh)];
    await Promise.all([rig.checked(wrong), rig.checked(right)]);
    rig.cloud.revokeToken(token);
    expect(await asked(rig.owner.checkInstance(instanceId, op()))).toMatchObject({
      failure: { code: 'credential_rejected' },
    });
    expect(await asked(rig.owner.replaceCredential(instanceId, wrong, op()))).toMatchObject({
      failure: { code: 'server_missing' },
    });
    expect(await rig.instance(instanceId)).toMatchObject({ state: 'ready', credentialId });
    const moved = await asked(rig.owner.replaceCredential(instanceId, right, op()));
    expect(moved.failure, rig.log.slice(-15).join('\n')).toBe(null);
    expect(await rig.instance(instanceId)).toMatchObject({ credentialId: right, drift: { items: [] } });
    // The state remembers the revoked one: everything that runs the engine must get by without it.
    expect((await asked(rig.owner.repairInstance(instanceId, op()))).failure).toBe(null);
    token = fresh;
    credentialId = right;
  });
});

describe('an operation that fails', { timeout: 400_000 }, () => {
  test('leaves the server as it is and says why', async () => {
    rig.cloud.faults.add({ kind: 'locked', match: { method: 'POST', path: '/servers/*/actions/shutdown' } });
    const ended = await asked(rig.owner.powerInstance(instanceId, 'stop', op()));
    stopId = ended.id;
    expect(ended).toMatchObject({ state: 'failed', failure: { code: 'resource_locked', phase: 'stop' } });
    expect(await rig.instance(instanceId)).toMatchObject({
      state: 'ready',
      failure: { code: 'resource_locked', resourceMayExist: false },
    });
    const dear = { size: 'cx43', expectedMonthlyPrice: 1 };
    expect(await asked(rig.owner.resizeInstance(instanceId, dear, op()))).toMatchObject({
      failure: { code: 'price_changed' },
    });
    expect(await rig.instance(instanceId)).toMatchObject({ state: 'ready', size: 'cx33' });
  });

  test('for another size leaves it running as it was', async () => {
    rig.cloud.faults.add({
      kind: 'forbidden',
      match: { method: 'POST', path: '/servers/*/actions/change_type' },
    });
    const wish = { size: 'cx43', expectedMonthlyPrice: 11.8881 };
    const ended = await asked(rig.owner.resizeInstance(instanceId, wish, op()));
    expect(ended).toMatchObject({ state: 'failed', failure: { code: 'credential_powerless' } });
    expect(await rig.instance(instanceId)).toMatchObject({ state: 'ready', size: 'cx33' });
    expect(theServer().status).toBe('running');
  });

  test('for a server that is gone makes none in its place', async () => {
    const other = await readyInstance();
    await rig.cloud.byHand.deleteServer(Number(rig.serversOf(other)[0]?.id));
    checkId = (await asked(rig.owner.checkInstance(other, op()))).id;
    const { state, drift } = await rig.instance(other);
    expect(state).toBe('ready');
    expect(drift?.items).toContainEqual(
      expect.objectContaining({ kind: 'server', what: 'missing', repairable: false }),
    );
    expect(await asked(rig.owner.repairInstance(other, op()))).toMatchObject({
      failure: { code: 'server_missing', resourceMayExist: true },
    });
    expect(await rig.instance(other)).toMatchObject({ state: 'failed', failure: { code: 'server_missing' } });
    expect(rig.madeServers(other)).toBe(1);
    const destroyed = await asked(rig.destroy(other));
    expect(destroyed).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
  });
});

describe('a destroy', { timeout: 400_000 }, () => {
  test('takes the place of a resize in the middle of it, and says what the server has cost', async () => {
    rig.cloud.faults.add({
      kind: 'slow_api',
      match: { method: 'POST', path: '/servers/*/actions/change_type' },
      delayMs: 4_000,
      times: 1,
    });
    const resizing = await rig.owner.resizeInstance(
      instanceId,
      { size: 'cx43', expectedMonthlyPrice: 11.8881 },
      op(),
    );
    await until(
      'the resize is under way',
      () => (rig.cloud.faults.list().some(({ hits }) => hits > 0) ? true : null),
      150_000,
    );
    const destroyed = await asked(rig.destroy(instanceId));
    expect(destroyed.failure, rig.log.slice(-25).join('\n')).toBe(null);
    expect(destroyed.receipt).toMatchObject({
      left: [],
      cost: { currency: 'EUR', amount: expect.any(Number) },
    });
    expect(destroyed.receipt?.cost?.amount).toBeGreaterThan(0);
    expect(await rig.owner.getOperation(resizing.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'lease_lost' },
    });
    expect(rig.serversOf(instanceId)).toEqual([]);
    expect(await rig.firewallsOf(instanceId)).toEqual([]);
    expect(engineProcesses(resizing.id)).toEqual([]);
  });
});

test('each child is logged with its memory and with the plugin that served', () => {
  const lines = rig.log.filter((line) => line.includes('"the child ended"')).map((line) => JSON.parse(line));
  const [deploy] = lines;
  const check = lines.find(({ operation }) => operation === checkId);
  for (const { engine } of [deploy, check])
    expect(engine).toMatch(/^cli \d+\.\d+\.\d+ \w+, hcloud \d+\.\d+\.\d+ \w+$/);
  expect(Object.keys(deploy.memoryMb)).toEqual(expect.arrayContaining(['child', 'cli', 'plugin-hcloud']));
  expect(deploy.peakMb).toBeGreaterThan(100);
  // Switching power needs no engine.
  const off = lines.find(({ operation }) => operation === stopId);
  expect([off.engine, off.memoryMb.cli]).toEqual([null, undefined]);
});
