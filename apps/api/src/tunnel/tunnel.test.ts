import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeCodes, newId } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity, signTunnelChallenge } from '@claw-cloud/crypto/signing';
import { destroyed } from '@claw-cloud/db/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { dialTunnel, serveHealth, type TestAgent, type TestAgentOptions } from '../testing/agent.ts';
import { startTestApi, type TestApi } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';

describe('the tunnel', () => {
  let api: TestApi;
  const agents: TestAgent[] = [];
  beforeAll(async () => {
    api = await startTestApi({}, { timing: { answerTimeoutMs: 2_000, pingMs: 100 } });
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.close();
    await expect.poll(() => api.counts().tunnels).toBe(0);
  });
  afterAll(() => api?.stop());

  const dial = async (options: Omit<TestAgentOptions, 'url'>) => {
    const agent = await dialTunnel({ url: api.url, ...options });
    agents.push(agent);
    return agent;
  };
  const instance = async (id: string, ownerId: string) => api.database.db.owner(ownerId).getInstance(id);

  it('takes a registered instance, and calls it ready once its gateway is', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    let asked = 0;
    const agent = await dial({
      instanceId,
      identity,
      onStream(stream, headers) {
        if (headers[':path'] === '/health') asked += 1;
        else return serveHealth(stream, headers);
        if (asked > 2) return serveHealth(stream, headers);
        stream.respond({ ':status': 200 });
        stream.end(
          JSON.stringify({ agentVersion: '1', openclawVersion: null, gateway: 'starting', uptimeSeconds: 0 }),
        );
      },
    });
    expect(agent.verdict).toEqual({ type: 'welcome', epoch: 1 });
    expect(await instance(instanceId, ownerId)).toMatchObject({ online: true });
    await expect
      .poll(async () => (await instance(instanceId, ownerId)).state, { timeout: 5_000 })
      .toBe('ready');
    expect(asked).toBe(3);
    agent.close();
    await expect.poll(async () => (await instance(instanceId, ownerId)).online).toBe(false);
  });

  const refused = async (options: Omit<TestAgentOptions, 'url'>, code: string) => {
    const agent = await dial(options);
    expect(agent.verdict).toMatchObject({
      type: 'refused',
      code,
      message: expect.any(String),
      fix: expect.any(String),
    });
    expect(await agent.closed).toEqual({ code: closeCodes.refused, reason: code });
    expect(api.counts().tunnels).toBe(0);
  };

  it('refuses an instance nobody knows, and one that has not registered', async () => {
    await refused({ instanceId: newId('instance'), identity: generateIdentity() }, 'tunnel_key_unknown');
  });

  it('refuses an instance that was destroyed', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    await destroyed(api.database.db, ownerId, instanceId);
    await refused({ instanceId, identity }, 'tunnel_key_unknown');
  });

  it('refuses another key, and the key of another instance', async () => {
    const mine = await registeredInstance(api.database.db);
    const other = await registeredInstance(api.database.db);
    await refused({ instanceId: mine.instanceId, identity: generateIdentity() }, 'tunnel_signature_invalid');
    await refused({ instanceId: mine.instanceId, identity: other.identity }, 'tunnel_signature_invalid');
  });

  it('refuses a signature over anything but this challenge', async () => {
    const { instanceId, identity } = await registeredInstance(api.database.db);
    const signed = (nonce: Uint8Array, audience: string) =>
      JSON.stringify({
        type: 'answer',
        instanceId,
        signature: toBase64Url(signTunnelChallenge(identity.privateKey, { instanceId, nonce, audience })),
      });
    await refused(
      { instanceId, identity, answer: ({ audience }) => signed(randomBytes(32), audience) },
      'tunnel_signature_invalid',
    );
    await refused(
      { instanceId, identity, answer: ({ nonce }) => signed(fromBase64Url(nonce), 'evil.example') },
      'tunnel_signature_invalid',
    );
    const audiences: string[] = [];
    const nonces = new Set<string>();
    for (let i = 0; i < 3; i += 1)
      await refused(
        {
          instanceId,
          identity,
          answer: ({ nonce, audience }) => {
            nonces.add(nonce);
            audiences.push(audience);
            return JSON.stringify({ type: 'answer', instanceId, signature: 'A'.repeat(86) });
          },
        },
        'tunnel_signature_invalid',
      );
    expect(nonces.size).toBe(3);
    expect(new Set(audiences)).toEqual(new Set(['cloud.example']));
  });

  it('refuses what is no answer, or comes too late', async () => {
    const { instanceId, identity } = await registeredInstance(api.database.db);
    for (const nonsense of ['', '{', '{"type":"answer"}', 'x'.repeat(2_000), Buffer.from('PRI * HTTP/2.0')])
      await refused({ instanceId, identity, answer: () => nonsense }, 'invalid_request');
    await refused({ instanceId, identity, answer: () => null }, 'invalid_request');
  });

  it('lets a newer tunnel replace an older one', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const first = await dial({ instanceId, identity });
    const second = await dial({ instanceId, identity });
    expect(second.verdict).toEqual({ type: 'welcome', epoch: 2 });
    expect(await first.closed).toEqual({ code: closeCodes.replaced, reason: 'replaced' });
    expect(api.counts().tunnels).toBe(1);
    // The older one's end is not the newer one's.
    expect(await instance(instanceId, ownerId)).toMatchObject({ online: true });
  });

  it('notices an agent that has gone without a word', async () => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/v1/tunnel`, 'claw.tunnel.v1', {
      autoPong: false,
    });
    const [text] = (await once(socket, 'message')) as [Buffer];
    const { nonce, audience } = JSON.parse(text.toString()) as { nonce: string; audience: string };
    const signature = signTunnelChallenge(identity.privateKey, {
      instanceId,
      nonce: fromBase64Url(nonce),
      audience,
    });
    socket.send(JSON.stringify({ type: 'answer', instanceId, signature: toBase64Url(signature) }));
    await once(socket, 'message');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1006);
    await expect.poll(async () => (await instance(instanceId, ownerId)).online).toBe(false);
  });

  it('takes no socket that offers another protocol', async () => {
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/v1/tunnel`, 'something.else');
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(400);
    socket.on('error', () => undefined);
    socket.terminate();
  });

  it('is a challenge of the host that was dialled, the machines’ own or the browsers’; never of another', async () => {
    const own = await startTestApi({ machineUrl: 'https://machines.cloud.example:8443' });
    const { instanceId, identity } = await registeredInstance(own.database.db);
    for (const [host, audience] of [
      ['machines.cloud.example:8443', 'machines.cloud.example:8443'],
      ['cloud.example', 'cloud.example'],
      // A proxy in front that hides what was dialled, or somebody who lies about it.
      ['evil.example', 'machines.cloud.example:8443'],
    ] as const) {
      let asked = '';
      const agent = await dialTunnel({
        url: own.url,
        host,
        instanceId,
        identity,
        onChallenge: (challenge) => {
          asked = challenge.audience;
        },
      });
      expect({ asked, type: agent.verdict.type }).toEqual({ asked: audience, type: 'welcome' });
      agent.close();
    }
    await own.stop();
  });

  it('tells its tunnels when it ends, and leaves none in the database', async () => {
    const own = await startTestApi();
    const { instanceId, ownerId, identity } = await registeredInstance(own.database.db);
    const agent = await dialTunnel({ url: own.url, instanceId, identity });
    const { db } = own.database;
    expect(await db.machine.tunnel(instanceId)).toEqual({ node: 'test', epoch: 1 });
    const stopped = own.stop;
    // The database goes with the test api, so look in between.
    const closing = agent.closed.then(async ({ code }) => {
      expect(code).toBe(closeCodes.goingAway);
    });
    await expect.poll(async () => (await db.owner(ownerId).getInstance(instanceId)).online).toBe(true);
    await stopped();
    await closing;
  });
});
