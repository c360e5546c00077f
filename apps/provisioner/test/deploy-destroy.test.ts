import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRig, type Rig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await createRig();
  await rig.startProvisioner();
});
afterAll(() => rig?.close());

describe('a deploy and a destroy', () => {
  test('make one server and leave nothing', { timeout: 120_000 }, async () => {
    const credentialId = await rig.addCredential(rig.newToken());
    const credential = await rig.checked(credentialId);
    expect(credential).toMatchObject({ state: 'ready', failure: null });
    const { instanceId, operationId } = await rig.deploy(credentialId);
    const deployed = await rig.ended(operationId);
    expect(deployed.state).toBe('succeeded');
    expect(await rig.instance(instanceId)).toMatchObject({
      state: 'booting',
      monthlyPrice: 4.7481,
      currency: 'EUR',
    });
    expect(rig.serversOf(instanceId)).toHaveLength(1);
    const destroying = await rig.destroy(instanceId);
    const destroyed = await rig.ended(destroying.id);
    expect(destroyed.state).toBe('succeeded');
    expect(rig.serversOf(instanceId)).toHaveLength(0);
  });
});
