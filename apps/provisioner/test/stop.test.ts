import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engineProcesses } from '../src/operations/engine-processes.ts';
import { createRig, type Rig, until } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig?.close());

describe('a provisioner that is told to stop', { timeout: 240_000 }, () => {
  test('lets the step under way end, and another one goes on at once', async () => {
    const first = await rig.startProvisioner();
    const credentialId = await rig.addCredential(rig.newToken());
    await rig.checked(credentialId);
    const { id } = rig.cloud.faults.add({
      kind: 'slow_api',
      match: { method: 'POST', path: '/servers' },
      times: 1,
      delayMs: 2_000,
    });
    const { instanceId, operationId } = await rig.deploy(credentialId);
    await until('the create is under way', () =>
      rig.cloud.faults.list().some((fault) => fault.id === id && fault.hits > 0) ? true : null,
    );
    await first.stop();
    expect(engineProcesses(operationId)).toEqual([]);
    expect(rig.log.filter((line) => line.includes('unexpectedly'))).toEqual([]);
    expect(await rig.owner.getOperation(operationId)).toMatchObject({ state: 'running' });
    expect(rig.serversOf(instanceId)).toHaveLength(1);
    await rig.startProvisioner();
    expect(await rig.ended(operationId)).toMatchObject({ state: 'succeeded' });
    expect(rig.madeServers(instanceId)).toBe(1);
  });

  test('ends at once when it has nothing to do', async () => {
    const idle = await rig.startProvisioner();
    const before = Date.now();
    await idle.stop();
    expect(Date.now() - before).toBeLessThan(10_000);
  });
});

describe('two provisioners', { timeout: 240_000 }, () => {
  test('share the work: no operation runs twice', async () => {
    await rig.startProvisioner({ NODE_NAME: 'one', LEASE_MS: '15000' });
    await rig.startProvisioner({ NODE_NAME: 'two', LEASE_MS: '15000' });
    const credentialId = await rig.addCredential(rig.newToken());
    await rig.checked(credentialId);
    const deploys = await Promise.all([1, 2, 3].map(() => rig.deploy(credentialId)));
    for (const { instanceId, operationId } of deploys) {
      expect(await rig.ended(operationId)).toMatchObject({ state: 'succeeded', attempt: 1 });
      expect(rig.madeServers(instanceId)).toBe(1);
    }
  });
});
