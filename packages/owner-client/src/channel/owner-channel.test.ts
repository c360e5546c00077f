import type { Instance } from '@claw-cloud/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyring, type Keyring } from '../keyring.ts';
import { createMemoryStorage, type KeyStorage } from '../storage.ts';
import { createTestAgent, type TestAgent } from '../testing/agent.ts';
import {
  type ChannelState,
  type OwnerChannelOptions,
  type OwnerConnection,
  openOwnerChannel,
} from './owner-channel.ts';

const instanceId = 'ins_000000000000000000000001';

describe('the owner channel', () => {
  let storage: KeyStorage;
  let keyring: Keyring;
  let agent: TestAgent;
  let told: string | null;
  let tokens: { fresh?: boolean }[];
  const open: OwnerConnection[] = [];

  beforeEach(async () => {
    storage = createMemoryStorage();
    keyring = createKeyring(storage, { ownerId: 'owner', deviceName: 'Test' });
    const { devicePublicKey, pairingSecret } = await keyring.prepareInstance(instanceId);
    agent = createTestAgent({ instanceId, devicePublicKey, pairingSecret });
    told = agent.publicKey();
    tokens = [];
  });
  afterEach(() => {
    for (const connection of open.splice(0)) connection.close();
  });

  const dial = (more: Partial<OwnerChannelOptions> = {}) => {
    const connection = openOwnerChannel({
      baseUrl: 'https://claw.example',
      instanceId,
      keyring,
      api: {
        getInstance: async () => ({ state: 'ready', agentPublicKey: told }) as Instance,
        getToken: async (options = {}) => {
          tokens.push(options);
          return 'a.b.c';
        },
      },
      openSocket: agent.openSocket,
      random: () => 0,
      ...more,
    });
    open.push(connection);
    return connection;
  };
  const until = (connection: OwnerConnection, status: ChannelState['status']): Promise<ChannelState> =>
    new Promise((resolve, reject) => {
      if (connection.state().status === status) return resolve(connection.state());
      const timer = setTimeout(() => reject(new Error(`stayed ${JSON.stringify(connection.state())}`)), 5000);
      const off = connection.onState((state) => {
        if (state.status !== status) return;
        clearTimeout(timer);
        off();
        resolve(state);
      });
    });
  const failure = async (connection: OwnerConnection) => {
    const state = await until(connection, 'failed');
    if (state.status !== 'failed') throw new Error('unreachable');
    return state.problem;
  };

  it('hears how far a long command is, and is patient while it hears', async () => {
    const connection = dial();
    await connection.whenOpen();
    agent.answer = (frame) => {
      if (frame.type !== 'command') return [];
      const later = (ms: number, said: Parameters<typeof agent.say>[0]) =>
        setTimeout(() => agent.say(said), ms);
      for (const [at, step] of ['backup', 'stop', 'install'].entries())
        later(60 * (at + 1), { type: 'progress', id: frame.id, step, message: step });
      later(240, { type: 'result', id: frame.id, ok: true, value: { hash: 'h2' } });
      return [];
    };
    const steps: string[] = [];
    const options = { timeoutMs: 150, onProgress: ({ step }: { step: string }) => void steps.push(step) };
    const change = { baseHash: 'h1', patch: {} };
    expect(await connection.command('config.set', change, options)).toEqual({ hash: 'h2' });
    expect(steps).toEqual(['backup', 'stop', 'install']);
  });

  it('pairs at the first connection, pins the key, erases the secret and connects by the pin afterwards', async () => {
    const first = dial();
    await first.whenOpen();
    expect(agent.isPaired()).toBe(true);
    expect(await keyring.instance(instanceId)).toMatchObject({ pinnedAgentKey: told });
    expect((await keyring.instance(instanceId))?.pairingSecret).toBeUndefined();
    expect(agent.calls.protocols[0]).toEqual(['claw.owner.v1', 'bearer.a.b.c']);
    expect(first.state()).toMatchObject({ agentVersion: '0.1.0-test', warning: null });
    first.close();
    const second = dial();
    await second.whenOpen();
    expect(await second.command('model.get', {})).toMatchObject({ provider: null });
  });

  it('takes no answer of another form, and says so', async () => {
    const connection = dial();
    await connection.whenOpen();
    agent.answer = (frame) =>
      frame.type === 'command' ? [{ type: 'result', id: frame.id, ok: true, value: { devices: 'all' } }] : [];
    await expect(connection.command('devices.list', {})).rejects.toMatchObject({ code: 'version_mismatch' });
  });

  it('hears notices, of the kinds it knows', async () => {
    const connection = dial();
    const heard: string[] = [];
    connection.onNotice(({ kind }) => heard.push(kind));
    await connection.whenOpen();
    agent.say({ type: 'notice', notice: { kind: 'gateway_restarted', reason: 'owner' } });
    agent.say({ type: 'notice', notice: { kind: 'party' } } as never);
    await connection.command('model.get', {});
    expect(heard).toEqual(['gateway_restarted']);
  });

  it('follows the agent to its next key, and only on a channel that proved the former one', async () => {
    const connection = dial();
    await connection.whenOpen();
    const [former, before] = [told, connection.state()];
    agent.rotateKey();
    await connection.command('model.get', {});
    await expect
      .poll(async () => (await keyring.instance(instanceId))?.pinnedAgentKey)
      .toBe(agent.publicKey());
    expect(agent.publicKey()).not.toBe(former);
    expect(connection.state()).toMatchObject({ status: 'open', warning: null });
    expect(connection.state()).not.toEqual(before);
    connection.close();

    // A device that was away meanwhile is answered to by the key it knows, and told the next.
    await keyring.link(instanceId, former ?? '');
    await dial().whenOpen();
    await expect
      .poll(async () => (await keyring.instance(instanceId))?.pinnedAgentKey)
      .toBe(agent.publicKey());
  });

  it('is told of its revocation by the server itself', async () => {
    const connection = dial();
    await connection.whenOpen();
    agent.enrolled.clear();
    agent.revokeAll();
    expect(await failure(connection)).toMatchObject({ code: 'device_not_enrolled' });
  });

  it('does not let the agent count the pairing before the key is durably pinned', async () => {
    let pin: (() => void) | undefined;
    const slow = {
      ...keyring,
      pin: (id: string, key: string) =>
        new Promise<void>((resolve) => {
          pin = () => resolve(keyring.pin(id, key));
        }),
    };
    const connection = dial({ keyring: slow });
    while (!pin) await new Promise((resolve) => setImmediate(resolve));
    expect(agent.isPaired()).toBe(false);
    // The window is closed at the worst moment: the next one can still pair.
    connection.close();
    const next = dial();
    await next.whenOpen();
    expect(agent.isPaired()).toBe(true);
  });

  it('believes the pin, not the control plane, and says so', async () => {
    const first = dial();
    await first.whenOpen();
    first.close();
    told = 'A'.repeat(43);
    const second = dial();
    await second.whenOpen();
    expect(second.state()).toMatchObject({ warning: { code: 'agent_key_changed', security: true } });
  });

  it('refuses a stranger at the first connection', async () => {
    // The stranger's key is registered in place of the agent's, but it does not know the pairing secret.
    const stranger = createTestAgent({
      instanceId,
      devicePublicKey: (await keyring.device()).publicKey,
      pairingSecret: 'A'.repeat(43),
    });
    told = stranger.publicKey();
    expect(await failure(dial({ openSocket: stranger.openSocket }))).toMatchObject({
      code: 'agent_key_unproven',
      security: true,
    });
    expect((await keyring.instance(instanceId))?.pinnedAgentKey).toBeUndefined();
    expect((await keyring.instance(instanceId))?.pairingSecret).toBeDefined();
  });

  it('refuses a stranger later', async () => {
    const first = dial();
    await first.whenOpen();
    first.close();
    agent.changeKey();
    told = agent.publicKey();
    expect(await failure(dial())).toMatchObject({ code: 'agent_key_mismatch', security: true });
  });

  it('accepts nothing that was altered on the way, and connects anew', async () => {
    const connection = dial();
    await connection.whenOpen();
    agent.relay = {
      toBrowser(bytes) {
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
        agent.relay = {};
        return bytes;
      },
    };
    const frames: unknown[] = [];
    connection.onFrame((frame) => frames.push(frame));
    agent.say({ type: 'gateway', frame: { type: 'event', event: 'forged' } });
    const state = await until(connection, 'waiting');
    expect(state).toMatchObject({ problem: { code: 'tampered', security: true } });
    await connection.whenOpen();
    expect(frames).toEqual([]);
  });

  it('comes back when the connection is cut, and answers what was asked with an error', async () => {
    const connection = dial();
    await connection.whenOpen();
    agent.answer = () => [];
    const asked = connection.command('instance.health', {});
    agent.cut(1006);
    await expect(asked).rejects.toMatchObject({ code: 'connection_lost' });
    expect(() => connection.send({ type: 'gateway', frame: {} })).toThrow('lost');
    await connection.whenOpen();
    expect(agent.calls.dialled).toBe(2);
  });

  it('says what the relay means', async () => {
    agent.refuseWith = 4503;
    const connection = dial();
    expect(await until(connection, 'waiting')).toMatchObject({ problem: { code: 'instance_offline' } });
    agent.refuseWith = 4401;
    connection.retry();
    expect(await failure(connection)).toMatchObject({ code: 'unauthenticated' });
    // After the first refusal a token that was not used before is asked for.
    expect(tokens.at(-1)).toEqual({ fresh: true });
    agent.refuseWith = 4404;
    connection.retry();
    expect(await failure(connection)).toMatchObject({ code: 'not_found' });
    agent.refuseWith = null;
    connection.retry();
    await connection.whenOpen();
  });

  it('knows when it is on the wrong device', async () => {
    const stranger = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Other' });
    expect(await failure(dial({ keyring: stranger }))).toMatchObject({ code: 'device_unknown' });
    expect(agent.calls.dialled).toBe(0);
  });

  it('takes over the pin another window made meanwhile', async () => {
    const late = createKeyring(storage, { ownerId: 'owner', deviceName: 'Test' });
    let first = true;
    const racing = {
      ...late,
      async instance(id: string) {
        const keys = await late.instance(id);
        // What was read just before the other window paired.
        if (first) {
          first = false;
          const other = dial();
          await other.whenOpen();
        }
        return keys;
      },
    };
    const connection = dial({ keyring: racing });
    await connection.whenOpen();
    expect(connection.state().status).toBe('open');
  });

  it('waits for an instance that has not registered', async () => {
    told = null;
    const connection = dial();
    expect(await until(connection, 'waiting')).toMatchObject({ problem: { code: 'instance_not_ready' } });
    told = agent.publicKey();
    await connection.whenOpen();
  });

  it('does not wait for ever for a handshake', async () => {
    agent.relay = { toBrowser: () => undefined };
    const connection = dial({ handshakeTimeoutMs: 50 });
    expect(await until(connection, 'waiting')).toMatchObject({ problem: { code: 'connection_lost' } });
  });

  it('notices a connection that only looks open', async () => {
    const connection = dial({ silenceMs: 90 });
    await connection.whenOpen();
    agent.relay = { toBrowser: () => undefined };
    expect(await until(connection, 'waiting')).toMatchObject({ problem: { code: 'connection_lost' } });
    agent.relay = {};
    await connection.whenOpen();
    // A connection that answers is left alone, however little is said on it.
    await connection.command('model.get', {});
    expect(connection.state().status).toBe('open');
  });
});
