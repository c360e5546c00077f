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

// Every trouble a cloud can make is in tests/clouds/faults.ts; here is what takes only one cloud to be shown.

describe('a deploy that can not be', { timeout: 240_000 }, () => {
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

  test('a price that changed since the form; its destroy leaves an empty receipt', async () => {
    const deployed = await rig.deploy(credentialId, { price: 3 });
    expect(await failureOf(deployed)).toMatchObject({ code: 'price_changed', phase: 'preflight' });
    const destroyed = await rig.ended((await rig.destroy(deployed.instanceId)).id);
    expect(destroyed).toMatchObject({ state: 'succeeded', receipt: { made: [], deleted: [], left: [] } });
    expect(await rig.instance(deployed.instanceId)).toMatchObject({ state: 'destroyed' });
  });

  test('an unknown region and an unknown size', async () => {
    expect(await failureOf(await rig.deploy(credentialId, { region: 'moon' }))).toMatchObject({
      code: 'region_unknown',
    });
    expect(await failureOf(await rig.deploy(credentialId, { size: 'cx9000' }))).toMatchObject({
      code: 'size_unknown',
    });
  });
});

describe('a destroy', { timeout: 240_000 }, () => {
  test('finds what the engine does not know of', async () => {
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await rig.ended(operationId);
    expect(await rig.instance(instanceId)).toMatchObject({
      state: 'booting',
      monthlyPrice: 4.7481,
      currency: 'EUR',
    });
    await rig.call('POST', '/firewalls', token, {
      name: 'stray',
      labels: { 'claw-cloud': `claw-${instanceId}` },
    });
    const destroyed = await rig.ended((await rig.destroy(instanceId)).id);
    expect(destroyed.receipt).toMatchObject({ left: [] });
    expect(destroyed.receipt?.deleted.map((entry) => entry.name)).toContain('stray');
    expect(await rig.firewallsOf(instanceId)).toEqual([]);
  });
});
