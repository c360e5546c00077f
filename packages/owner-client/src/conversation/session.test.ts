import type { Instance, OwnerFrame } from '@claw-cloud/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OwnerConnection, openOwnerChannel } from '../channel/owner-channel.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { createKeyring } from '../keyring.ts';
import { createMemoryStorage } from '../storage.ts';
import { createTestAgent, type TestAgent } from '../testing/agent.ts';
import { answerOf, entriesOf } from '../testing/scenes.ts';
import { type Conversation, textOf } from './model.ts';
import { type ConversationSession, openConversation } from './session.ts';

const instanceId = 'ins_000000000000000000000001';
const key = 'agent:main:web:c1';
const connected: OwnerFrame = { type: 'gateway.status', status: 'connected', hello: { protocol: 4 } };
const sent = (requests: Request[]) =>
  requests.filter(({ method }) => method === 'chat.send').map(({ params }) => params.idempotencyKey);
type Request = { id: string; method: string; params: Record<string, unknown> };

describe('a conversation through the channel', () => {
  let agent: TestAgent;
  let channel: OwnerConnection;
  let gateway: Gateway;
  let conversation: ConversationSession;
  let onRequest: (request: Request) => unknown;
  let requests: Request[];

  const say = (event: string, payload: unknown) =>
    agent.say({ type: 'gateway', frame: { type: 'event', event, payload } });
  const until = (look: (state: Conversation) => boolean): Promise<Conversation> =>
    new Promise((resolve, reject) => {
      if (look(conversation.state())) return resolve(conversation.state());
      const timer = setTimeout(() => reject(new Error(JSON.stringify(conversation.state()))), 4000);
      const off = conversation.onChange((state) => {
        if (!look(state)) return;
        clearTimeout(timer);
        off();
        resolve(state);
      });
    });

  beforeEach(async () => {
    const keyring = createKeyring(createMemoryStorage(), { ownerId: 'o', deviceName: 'Test' });
    const keys = await keyring.prepareInstance(instanceId);
    agent = createTestAgent({ instanceId, ...keys });
    agent.greeting = [connected];
    requests = [];
    onRequest = ({ method }) => (method === 'chat.history' ? { messages: [] } : {});
    agent.answer = (frame) => {
      if (frame.type !== 'gateway') return [];
      const request = frame.frame as Request;
      requests.push(request);
      const payload = onRequest(request);
      if (payload === undefined) return [];
      const failed = payload instanceof Error;
      const result = failed
        ? { ok: false, error: { code: 'UNAVAILABLE', message: payload.message } }
        : { ok: true, payload };
      return [{ type: 'gateway', frame: { type: 'res', id: request.id, ...result } }];
    };
    channel = openOwnerChannel({
      baseUrl: 'https://claw.example',
      instanceId,
      keyring,
      api: {
        getInstance: async () => ({ state: 'ready', agentPublicKey: agent.publicKey() }) as Instance,
        getToken: async () => 'a.b.c',
      },
      openSocket: agent.openSocket,
      random: () => 0,
    });
    gateway = createGateway(channel, { requestTimeoutMs: 2000 });
    let runs = 0;
    conversation = openConversation(gateway, key, { newRunId: () => `idem-${++runs}` });
  });
  afterEach(() => {
    conversation.close();
    gateway.close();
    channel.close();
  });

  it('sends, streams and ends', async () => {
    await until((state) => state.loaded);
    expect(requests.map((request) => request.method)).toEqual([
      'sessions.messages.subscribe',
      'chat.history',
    ]);
    onRequest = ({ method }) => {
      if (method !== 'chat.send') return {};
      setImmediate(() => {
        for (const entry of entriesOf('hello')) if (entry.event) say(entry.event, entry.payload);
      });
      return { runId: 'idem-1', status: 'started' };
    };
    const runId = conversation.send('hello **lab**');
    const turn = await conversation.reply(runId);
    expect(textOf(turn)).toBe('Mock reply to: hello **lab**');
    expect(requests.at(-1)?.params).toMatchObject({ sessionKey: key, idempotencyKey: 'idem-1' });
  });

  it('reads the history again when the connection comes back, and does not send twice', async () => {
    await until((state) => state.loaded);
    let sends = 0;
    onRequest = ({ method, params }) => {
      if (method === 'chat.send') {
        sends += 1;
        // The message arrives, its acknowledgement does not.
        if (sends === 1) {
          setImmediate(() => agent.cut(1006));
          return undefined;
        }
        return { runId: params.idempotencyKey, status: 'in_flight' };
      }
      return method === 'chat.history' ? answerOf('hist-after', 'chat.history') : {};
    };
    conversation.send('hello **lab**');
    const state = await until((now) => now.turns.length > 2 && now.turns[0]?.kind === 'user');
    expect(state.turns.filter((turn) => turn.kind === 'user' && turn.runId === 'idem-1')).toHaveLength(1);
    // Sent once more, under the same id: the gateway answers that it knows it.
    await expect.poll(() => sent(requests)).toEqual(['idem-1', 'idem-1']);
    await until((now) => now.turns.every((turn) => turn.kind !== 'user' || turn.delivery === 'sent'));
  });

  it('marks what was refused, and sends it again under the same id', async () => {
    await until((state) => state.loaded);
    onRequest = ({ method }) => (method === 'chat.send' ? new Error('The gateway is starting.') : {});
    const runId = conversation.send('hi');
    const refused = await until((state) =>
      state.turns.some((turn) => turn.kind === 'user' && turn.delivery === 'failed'),
    );
    expect(refused.turns[0]).toMatchObject({ problem: 'The gateway is starting.' });
    await expect(conversation.reply(runId)).rejects.toMatchObject({ code: 'not_delivered' });
    onRequest = () => ({});
    conversation.resend(runId);
    await until((state) => state.turns.every((turn) => turn.kind === 'user' && turn.delivery === 'sent'));
  });

  it('tries again when the gateway asks for it', async () => {
    await until((state) => state.loaded);
    let sends = 0;
    onRequest = ({ method }) => {
      if (method !== 'chat.send') return {};
      sends += 1;
      return sends === 1 ? new Error('session changed before chat.send; retry the request') : {};
    };
    conversation.send('hi');
    await until((state) => state.turns.some((turn) => turn.kind === 'user' && turn.delivery === 'sent'));
    expect(sent(requests)).toEqual(['idem-1', 'idem-1']);
  });

  it('asks again for a history that did not come', async () => {
    await until((state) => state.loaded);
    conversation.close();
    let asked = 0;
    onRequest = ({ method }) => {
      if (method !== 'chat.history') return {};
      asked += 1;
      return asked === 1 ? new Error('busy') : answerOf('hist-after', 'chat.history');
    };
    conversation = openConversation(gateway, key);
    await until((state) => state.turns.length === 4);
  });

  it('asks for leave and carries the answer', async () => {
    await until((state) => state.loaded);
    for (const entry of entriesOf('tool-allow')) if (entry.event) say(entry.event, entry.payload);
    const asked = await until((state) => state.approvals.length === 1);
    const id = asked.approvals[0]?.id ?? '';
    await conversation.decide(id, 'allow-once');
    expect(requests.at(-1)).toMatchObject({
      method: 'exec.approval.resolve',
      params: { id, decision: 'allow-once' },
    });
    for (const entry of entriesOf('hist-during')) if (entry.event) say(entry.event, entry.payload);
    await until((state) => state.approvals.length === 0 && state.turns.at(-1)?.kind === 'assistant');
  });

  it('stops the run under way', async () => {
    await until((state) => state.loaded);
    for (const entry of entriesOf('tool-allow')) if (entry.event) say(entry.event, entry.payload);
    await until((state) => state.approvals.length === 1);
    await conversation.stop();
    expect(requests.at(-1)).toMatchObject({
      method: 'chat.abort',
      params: { sessionKey: key, runId: 'idem-2' },
    });
  });

  it('knows when OpenClaw is away though the agent is there', async () => {
    await gateway.whenConnected();
    agent.say({ type: 'gateway.status', status: 'disconnected', reason: 'restarting' });
    await new Promise<void>((resolve) => {
      const off = gateway.onState(() => {
        off();
        resolve();
      });
    });
    expect(gateway.state()).toEqual({ status: 'disconnected', reason: 'restarting' });
    await expect(gateway.whenConnected({ timeoutMs: 30 })).rejects.toMatchObject({
      code: 'gateway_not_ready',
    });
  });
});
