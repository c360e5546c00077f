import { bootingInstance, key43, readyInstance, registrationOf } from '@claw-cloud/db/testing';
import { describe, expect, it } from 'vitest';
import { closeTunnel, getInstance, markReady, openTunnel, registerInstance, reportPhase } from './index.ts';
import { stage } from './verbs.fixture.ts';

const on = stage();
const report = (instanceId: string) => ({
  instanceId,
  phase: 'installing',
  status: 'started',
  message: 'Installing',
});
const health = { agentVersion: '1', openclawVersion: '2', gateway: 'ready', uptimeSeconds: 3 };

describe('reportPhase', () => {
  it('shows the owner where the machine is, without what looks like a secret', async () => {
    const context = on.owner();
    const { instance, tokenHash } = await bootingInstance(on.db, context.actor.ownerId);
    await reportPhase(on.machine(tokenHash), report(instance.id));
    expect(await getInstance(context, { instanceId: instance.id })).toMatchObject({ state: 'installing' });
    await reportPhase(on.machine(tokenHash), {
      ...report(instance.id),
      status: 'failed',
      message: 'failed with token=hunter2',
      logTail: 'Authorization: Bearer hunter2\nno space left',
    });
    const { state, failure } = await getInstance(context, { instanceId: instance.id });
    expect(state).toBe('failed');
    expect(failure).toMatchObject({
      code: 'bootstrap_failed',
      logTail: expect.stringContaining('no space left'),
    });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  it('refuses nonsense, and a token of nobody', async () => {
    const { instance } = await bootingInstance(on.db);
    await expect(reportPhase(on.machine(key43()), { instanceId: 'x' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(reportPhase(on.machine(key43()), report(instance.id))).rejects.toMatchObject({
      code: 'registration_token_invalid',
    });
  });
});

describe('registerInstance', () => {
  it('takes the keys once, from the instance itself', async () => {
    const { instance, tokenHash } = await bootingInstance(on.db);
    const other = await bootingInstance(on.db);
    const register = () => registerInstance(on.machine(tokenHash), registrationOf(instance.id));
    await expect(
      registerInstance(on.machine(other.tokenHash), registrationOf(instance.id)),
    ).rejects.toMatchObject({ code: 'registration_wrong_instance' });
    await register();
    await expect(register()).rejects.toMatchObject({ code: 'registration_replayed' });
    await expect(reportPhase(on.machine(tokenHash), report(instance.id))).rejects.toMatchObject({
      code: 'registration_replayed',
    });
  });
});

describe('a tunnel', () => {
  it('is noted while it lives', async () => {
    const context = on.owner();
    const { instance } = await readyInstance(on.db, context.actor.ownerId);
    const online = async () => (await getInstance(context, { instanceId: instance.id })).online;
    const { epoch } = await openTunnel(context, { instanceId: instance.id, node: 'api-1' });
    expect(await online()).toBe(true);
    await closeTunnel(context, { instanceId: instance.id, epoch });
    expect(await online()).toBe(false);
  });

  it('makes an instance ready once its gateway is', async () => {
    const context = on.owner();
    const { instance, tokenHash } = await bootingInstance(on.db, context.actor.ownerId);
    await registerInstance(on.machine(tokenHash), registrationOf(instance.id));
    const starting = { instanceId: instance.id, health: { ...health, gateway: 'starting' } };
    await expect(markReady(context, starting)).rejects.toMatchObject({ code: 'instance_not_ready' });
    await markReady(context, { instanceId: instance.id, health });
    expect(await getInstance(context, { instanceId: instance.id })).toMatchObject({
      state: 'ready',
      agentVersion: '1',
    });
  });
});
