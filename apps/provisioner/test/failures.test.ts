import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { createRig, type Rig } from './rig.ts';

let rig: Rig;
let credentialId: string;
let token: string;
beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner();
  token = rig.newToken();
  credentialId = await rig.addCredential(token);
  await rig.checked(credentialId);
});
afterAll(() => rig?.close());
afterEach(() => rig.cloud.faults.clear());

/** The failed deploy's failure, after checking that nothing is left of it anywhere. */
async function failureOf(deployed: { instanceId: string; operationId: string }) {
  const operation = await rig.ended(deployed.operationId);
  expect(operation.state, rig.log.slice(-15).join('\n')).toBe('failed');
  expect(await rig.instance(deployed.instanceId)).toMatchObject({
    state: 'failed',
    failure: operation.failure,
  });
  expect(rig.serversOf(deployed.instanceId)).toEqual([]);
  expect(await rig.firewallsOf(deployed.instanceId)).toEqual([]);
  expect(engineProcesses(deployed.operationId)).toEqual([]);
  expect(operation.failure).toMatchObject({ resourceMayExist: false });
  expect(operation.failure?.fix).toBeTruthy();
  return operation.failure;
}

describe('a deploy that can not be', { timeout: 240_000 }, () => {
  test('a size sold out between form and deploy', async () => {
    rig.cloud.faults.add({ kind: 'sold_out', match: { serverType: 'cx33' } });
    const failure = await failureOf(await rig.deploy(credentialId, { size: 'cx33', price: 7.1281 }));
    expect(failure).toMatchObject({ code: 'size_sold_out', phase: 'preflight' });
  });

  test('a size sold out between preflight and create', async () => {
    rig.cloud.faults.add({ kind: 'sold_out', hidden: true });
    expect(await failureOf(await rig.deploy(credentialId))).toMatchObject({
      code: 'size_sold_out',
      phase: 'creating',
    });
  });

  test('a quota reached', async () => {
    rig.cloud.faults.add({ kind: 'quota' });
    expect(await failureOf(await rig.deploy(credentialId))).toMatchObject({
      code: 'quota_reached',
      link: 'https://console.hetzner.cloud/limits',
    });
  });

  test('a price that changed since the form', async () => {
    expect(await failureOf(await rig.deploy(credentialId, { price: 3 }))).toMatchObject({
      code: 'price_changed',
    });
  });

  test('an unknown region and an unknown size', async () => {
    expect(await failureOf(await rig.deploy(credentialId, { region: 'moon' }))).toMatchObject({
      code: 'region_unknown',
    });
    expect(await failureOf(await rig.deploy(credentialId, { size: 'cx9000' }))).toMatchObject({
      code: 'size_unknown',
    });
  });

  test('a token that was revoked since', async () => {
    rig.cloud.faults.add({ kind: 'unauthorized', match: { path: '/**' } });
    const deployed = await rig.deploy(credentialId);
    const operation = await rig.ended(deployed.operationId);
    expect(operation.failure).toMatchObject({ code: 'credential_rejected', resourceMayExist: false });
    expect(rig.madeServers(deployed.instanceId)).toBe(0);
  });

  test('a server that is made but never starts', async () => {
    rig.cloud.faults.add({ kind: 'action_fails', times: 1 });
    expect(await failureOf(await rig.deploy(credentialId))).toMatchObject({ phase: 'creating' });
  });
});

describe('a cloud that never finishes', { timeout: 240_000 }, () => {
  test('is given up in time, and what it began is deleted', async () => {
    const slowRig = await createRig();
    try {
      await slowRig.startProvisioner({ ENGINE_TIMEOUT_MS: '15000' });
      const credential = await slowRig.addCredential(slowRig.newToken());
      await slowRig.checked(credential);
      slowRig.cloud.faults.add({ kind: 'action_stuck', times: 1 });
      const { instanceId, operationId } = await slowRig.deploy(credential);
      const { failure } = await slowRig.ended(operationId, 150_000);
      expect(failure, slowRig.log.slice(-15).join('\n')).toMatchObject({
        code: 'cloud_unavailable',
        phase: 'creating',
        resourceMayExist: false,
      });
      expect(slowRig.serversOf(instanceId)).toEqual([]);
      expect(engineProcesses(operationId)).toEqual([]);
    } finally {
      await slowRig.close();
    }
  });
});

describe('a deploy that meets trouble on its way', { timeout: 240_000 }, () => {
  test.each(['error_after_effect', 'disconnect_after_effect'] as const)(
    '%s: what the cloud made all the same is taken over',
    async (kind) => {
      rig.cloud.faults.add({ kind, times: 1 });
      const { instanceId, operationId } = await rig.deploy(credentialId);
      expect((await rig.ended(operationId)).failure, rig.log.slice(-15).join('\n')).toBe(null);
      expect(rig.serversOf(instanceId)).toHaveLength(1);
      expect(rig.madeServers(instanceId)).toBe(1);
      await rig.ended((await rig.destroy(instanceId)).id);
      expect(rig.serversOf(instanceId)).toEqual([]);
    },
  );

  test('the same for the firewall', async () => {
    rig.cloud.faults.add({
      kind: 'error_after_effect',
      match: { method: 'POST', path: '/firewalls' },
      times: 1,
    });
    const { instanceId, operationId } = await rig.deploy(credentialId);
    expect((await rig.ended(operationId)).failure, rig.log.slice(-15).join('\n')).toBe(null);
    expect(await rig.firewallsOf(instanceId)).toHaveLength(1);
    await rig.ended((await rig.destroy(instanceId)).id);
  });

  test('two deploys at once do not meet', async () => {
    const [one, two] = await Promise.all([rig.deploy(credentialId), rig.deploy(credentialId)]);
    for (const { instanceId, operationId } of [one, two]) {
      expect((await rig.ended(operationId)).failure).toBe(null);
      expect(rig.serversOf(instanceId)).toHaveLength(1);
    }
    const ends = await Promise.all([rig.destroy(one.instanceId), rig.destroy(two.instanceId)]);
    for (const { id } of ends) expect(await rig.ended(id)).toMatchObject({ state: 'succeeded' });
    expect(rig.cloud.servers()).toEqual([]);
  });
});

describe('a destroy', { timeout: 240_000 }, () => {
  test('of a deploy that failed before anything was made leaves an empty receipt', async () => {
    const { instanceId, operationId } = await rig.deploy(credentialId, { price: 3 });
    await rig.ended(operationId);
    const destroyed = await rig.ended((await rig.destroy(instanceId)).id);
    expect(destroyed).toMatchObject({ state: 'succeeded', receipt: { made: [], deleted: [], left: [] } });
    expect(await rig.instance(instanceId)).toMatchObject({ state: 'destroyed' });
  });

  test('finds what the engine does not know of', async () => {
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await rig.ended(operationId);
    await rig.call('POST', '/firewalls', token, {
      name: 'stray',
      labels: { 'claw-cloud': `claw-${instanceId}` },
    });
    const destroyed = await rig.ended((await rig.destroy(instanceId)).id);
    expect(destroyed.receipt).toMatchObject({ left: [] });
    expect(destroyed.receipt?.deleted.map((entry) => entry.name)).toContain('stray');
    expect(await rig.firewallsOf(instanceId)).toEqual([]);
  });

  test('of a server that its owner deleted by hand is content', async () => {
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await rig.ended(operationId);
    await rig.call('DELETE', `/servers/${rig.serversOf(instanceId)[0]?.id}`, token);
    await rig.cloud.idle();
    const destroyed = await rig.ended((await rig.destroy(instanceId)).id);
    expect(destroyed).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
  });

  test('that the cloud refuses says what is left, and works the next time', async () => {
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await rig.ended(operationId);
    rig.cloud.faults.add({ kind: 'unauthorized', match: { path: '/**' } });
    const refused = await rig.ended((await rig.destroy(instanceId)).id);
    expect(refused).toMatchObject({
      state: 'failed',
      failure: { code: 'credential_rejected', resourceMayExist: true },
    });
    rig.cloud.faults.clear();
    const destroyed = await rig.ended((await rig.destroy(instanceId)).id);
    expect(destroyed).toMatchObject({ state: 'succeeded', receipt: { left: [] } });
    expect(destroyed.receipt?.deleted).toHaveLength(4);
  });
});
