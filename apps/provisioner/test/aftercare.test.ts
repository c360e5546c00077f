import { newId } from '@claw-cloud/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { createRig, type Rig, until } from './rig.ts';

let rig: Rig;
let token: string;
let credentialId: string;

beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner({ RETRY_FIRST_MS: '1000', RETRY_LONGEST_MS: '2000', STRAYS_SWEEP_MS: '6000' });
  token = rig.newToken();
  credentialId = await rig.addCredential(token);
  await rig.checked(credentialId);
}, 120_000);
afterAll(() => rig?.close());
afterEach(() => rig.cloud.faults.clear());

const deployed = async (): Promise<string> => {
  const { instanceId, operationId } = await rig.deploy(credentialId);
  expect((await rig.ended(operationId, 150_000)).failure, rig.log.slice(-15).join('\n')).toBe(null);
  return instanceId;
};
const inState = (instanceId: string, state: string) =>
  until(
    `${instanceId} is ${state}`,
    async () => {
      const instance = await rig.instance(instanceId);
      return instance.state === state ? instance : null;
    },
    150_000,
  );

describe('a destroy that the cloud refuses', { timeout: 400_000 }, () => {
  test('is tried again by itself, and the instance stays in the list until then', async () => {
    const instanceId = await deployed();
    rig.cloud.faults.add({ kind: 'unauthorized', match: { path: '/**' } });
    const refused = await rig.ended((await rig.destroy(instanceId)).id, 150_000);
    expect(refused).toMatchObject({ state: 'failed', failure: { resourceMayExist: true } });
    const waiting = await until('a time of the next try', async () => {
      const instance = await rig.instance(instanceId);
      return instance.retryAt !== null ? instance : null;
    });
    expect(waiting).toMatchObject({ state: 'failed', failure: { resourceMayExist: true } });
    expect(rig.serversOf(instanceId)).toHaveLength(1);
    rig.cloud.faults.clear();
    await inState(instanceId, 'destroyed');
    expect(rig.serversOf(instanceId)).toEqual([]);
    expect(await rig.owner.getReceipt(instanceId)).toMatchObject({ left: [] });
  });
});

describe('a deploy that failed and could not clear up', { timeout: 400_000 }, () => {
  test('is cleared up later by itself, and stays failed for its owner to see why', async () => {
    const slow = {
      kind: 'slow_api',
      // Asked for once it is made.
      match: { method: 'GET', path: '/servers/*' },
      delayMs: 4_000,
      times: 1,
    } as const;
    const { id } = rig.cloud.faults.add(slow);
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await until(
      'the server is made',
      () => (rig.cloud.faults.list().some((fault) => fault.id === id && fault.hits > 0) ? true : null),
      150_000,
    );
    rig.cloud.faults.add({ kind: 'unauthorized', match: { path: '/**' } });
    const { failure } = await rig.ended(operationId, 120_000);
    expect(failure, rig.log.slice(-15).join('\n')).toMatchObject({
      phase: 'creating',
      resourceMayExist: true,
    });
    expect(rig.serversOf(instanceId)).toHaveLength(1);
    rig.cloud.faults.clear();
    await until(
      'nothing is left',
      async () => ((await rig.instance(instanceId)).failure?.resourceMayExist === false ? true : null),
      150_000,
    );
    expect(await rig.instance(instanceId)).toMatchObject({
      state: 'failed',
      failure: { code: failure?.code, phase: 'creating', message: failure?.message },
      retryAt: null,
    });
    expect(rig.serversOf(instanceId)).toEqual([]);
    expect(await rig.firewallsOf(instanceId)).toEqual([]);
  });
});

describe('a cloud that answers no more for a while', { timeout: 400_000 }, () => {
  test('is waited for in the queue, with no child and no credential open', async () => {
    rig.cloud.faults.add({
      kind: 'rate_limit',
      // A look through the account does not ask for it.
      match: { method: 'GET', path: '/pricing' },
      delayMs: 24_000,
      times: 1,
    });
    const { instanceId, operationId } = await rig.deploy(credentialId);
    const said = await until(
      'the owner is told',
      async () => (await rig.events(instanceId)).find(({ data }) => data.step === 'waiting') ?? null,
      150_000,
    );
    expect(said.data.message).toMatch(/It goes on by itself at \d\d:\d\d UTC\.$/);
    await until('no process is left', () => (engineProcesses(operationId).length === 0 ? true : null));
    expect(await rig.owner.getOperation(operationId)).toMatchObject({ state: 'running', failure: null });
    const ended = await rig.ended(operationId, 150_000);
    expect(ended, rig.log.slice(-15).join('\n')).toMatchObject({
      state: 'succeeded',
      failure: null,
    });
    expect(rig.madeServers(instanceId)).toBe(1);
    await rig.ended((await rig.destroy(instanceId)).id, 150_000);
  });
});

describe('a look through an owner’s account', { timeout: 400_000 }, () => {
  test('shows strays, deletes what a record binds, and leaves everything else alone', async () => {
    const gone = await deployed();
    await rig.ended((await rig.destroy(gone)).id, 150_000);
    const living = await deployed();
    await rig.cloud.byHand.addServer('rig', hand('left', `claw-${gone}`));
    await rig.cloud.byHand.addServer('rig', hand('foreign', `claw-${newId('instance')}`));
    const strays = await until(
      'both are shown',
      async () => {
        const found = (await rig.owner.listStrays()).filter(({ kind }) => kind === 'server');
        return found.length === 2 ? found : null;
      },
      150_000,
    );
    const [bound, foreign] = ['left', 'foreign'].map((name) => strays.find((stray) => stray.name === name));
    expect(bound).toMatchObject({ deletable: true, instanceId: gone });
    expect(foreign).toMatchObject({ deletable: false, instanceId: null });
    await expect(rig.owner.deleteStray(foreign?.id ?? '')).rejects.toMatchObject({ code: 'conflict' });
    await rig.owner.deleteStray(bound?.id ?? '');
    await until(
      'it is deleted',
      async () =>
        (await rig.owner.listStrays()).some(({ id }) => id === bound?.id) || rig.serversOf(gone).length > 0
          ? null
          : true,
      150_000,
    );
    expect(rig.cloud.servers().map(({ name }) => name)).toContain('foreign');
    expect(rig.serversOf(living)).toHaveLength(1);
    const uses = (await rig.owner.listAudit(200)).filter(({ action }) => action === 'credential.use');
    expect(uses.map(({ detail }) => detail.purpose)).toEqual(expect.arrayContaining(['sweep', 'stray']));
  });
});

const hand = (name: string, tag: string) => ({
  name,
  server_type: 'cx23',
  image: 'debian-13',
  location: 'fsn1',
  labels: { 'claw-cloud': tag },
});
