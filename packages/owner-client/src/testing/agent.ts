import type { OwnerFrame } from '@claw-cloud/contracts';
import { fromBase64Url, generateKeyPair, type KeyPair, toBase64Url } from '@claw-cloud/crypto';
import { createResponder, type OwnerChannel } from '@claw-cloud/crypto/owner-channel';
import type { Socket } from '../channel/attempt.ts';

type Listener = (event: { data: unknown; code: number }) => void;

/** What stands between browser and agent: it may change what passes, or swallow it (undefined). */
export interface Relay {
  toAgent?(bytes: Uint8Array, count: number): Uint8Array | undefined;
  toBrowser?(bytes: Uint8Array, count: number): Uint8Array | undefined;
}

/** What commands answer unless a test says otherwise. */
const answers: Partial<Record<string, unknown>> = {
  'model.get': { provider: null, model: null, baseUrl: null },
  'devices.list': { devices: [] },
  'devices.enrol': { revoked: 0 },
};

/** An agent in memory: crypto's own responder behind sockets that pass bytes in order, asynchronously. */
export function createTestAgent(options: {
  instanceId: string;
  devicePublicKey: string;
  pairingSecret: string;
  /** The recovery key that is enrolled, and what it must know (null as at servers of before). */
  recovery?: { publicKey: string; secret: string | null };
}) {
  let agentKeyPair: KeyPair = generateKeyPair();
  let former: KeyPair[] = [];
  let paired = false;
  const enrolled = new Set([
    options.devicePublicKey,
    ...(options.recovery ? [options.recovery.publicKey] : []),
  ]);
  const invites = new Map<string, string>();
  let parcel: string | null = null;
  const channels: { channel: OwnerChannel; close: (code: number) => void }[] = [];
  const received: OwnerFrame[] = [];
  const calls = { dialled: 0, protocols: [] as string[][] };
  const agent = {
    relay: {} as Relay,
    received,
    calls,
    /** Who may enter, by public key. */
    enrolled,
    /** The secrets of open invites, by their ids. */
    invites,
    /** Answers a frame; the default does as an agent does with devices, and acknowledges other commands. */
    answer: (frame: OwnerFrame): OwnerFrame[] => {
      if (frame.type !== 'command') return [];
      const { id, name, params } = frame;
      if (name === 'devices.enrol') enrolled.add(String(params.publicKey));
      if (name === 'devices.invite') parcel = typeof params.parcel === 'string' ? params.parcel : null;
      if (name === 'devices.parcel') return [{ type: 'result', id, ok: true, value: { parcel } }];
      if (name === 'devices.invite') invites.set(String(params.inviteId), String(params.secret));
      const invited = name === 'devices.invite' ? { expiresAt: '2026-11-25T10:10:00.000Z' } : undefined;
      return [{ type: 'result', id, ok: true, value: invited ?? answers[name] ?? { ok: true } }];
    },
    /** What is said to each device that enters. */
    greeting: [] as OwnerFrame[],
    publicKey: () => toBase64Url(agentKeyPair.publicKey),
    isPaired: () => paired,
    /** Stands in for a stranger that answers in the agent's place. */
    changeKey: () => {
      agentKeyPair = generateKeyPair();
    },
    /** Takes a new key as an agent does: the former one is still answered to, and open channels are told. */
    rotateKey: () => {
      former = [agentKeyPair];
      agentKeyPair = generateKeyPair();
      agent.say({ type: 'agent.key', publicKey: agent.publicKey() });
    },
    say: (frame: OwnerFrame) => {
      for (const { channel } of channels) if (channel.state() === 'open') channel.send(JSON.stringify(frame));
    },
    /** Shows everybody out as an agent does with a device that was revoked. */
    revokeAll: () => {
      for (const { channel } of channels) if (channel.state() === 'open') channel.close('device_revoked');
    },
    /** Cuts every connection with a WebSocket close code. */
    cut: (code: number) => {
      for (const { close } of channels.splice(0)) close(code);
    },
    /** New connections end at once with this close code, until it is null again. */
    refuseWith: null as number | null,
    openSocket(_url: string, protocols: string[]): Socket {
      calls.dialled += 1;
      calls.protocols.push(protocols);
      const listeners = new Map<string, Listener[]>();
      const emit = (type: string, event: { data?: unknown; code?: number } = {}) => {
        for (const listener of listeners.get(type) ?? [])
          listener({ data: event.data, code: event.code ?? 1000 });
      };
      let state = 0;
      let up = 0;
      let down = 0;
      const close = (code: number) => {
        if (state === 3) return;
        state = 3;
        channel.end();
        queueMicrotask(() => emit('close', { code }));
      };
      const channel = createResponder({
        instanceId: options.instanceId,
        agentKeyPairs: [agentKeyPair, ...former],
        agentVersion: '0.1.0-test',
        isEnrolled: (key) => enrolled.has(toBase64Url(key)),
        pairing({ peer, pairingId }) {
          if (pairingId !== undefined) {
            const secret = invites.get(pairingId);
            if (secret === undefined) return null;
            return {
              secret: fromBase64Url(secret),
              isOpen: () => invites.has(pairingId),
              onPaired(publicKey) {
                invites.delete(pairingId);
                enrolled.add(toBase64Url(publicKey));
              },
            };
          }
          if (toBase64Url(peer) === options.recovery?.publicKey) {
            const { secret } = options.recovery;
            if (secret === null) return null;
            return { secret: fromBase64Url(secret), isOpen: () => true, onPaired: () => undefined };
          }
          return {
            secret: fromBase64Url(options.pairingSecret),
            isOpen: () => !paired,
            onPaired: () => {
              paired = true;
            },
          };
        },
        onOpen: (_peer, _client, { agentKey }) => {
          if (agentKey > 0) channel.send(JSON.stringify({ type: 'agent.key', publicKey: agent.publicKey() }));
          for (const frame of agent.greeting) channel.send(JSON.stringify(frame));
        },
        onMessage: (text) => {
          const frame = JSON.parse(text) as OwnerFrame;
          received.push(frame);
          for (const reply of agent.answer(frame)) channel.send(JSON.stringify(reply));
        },
        onClose: () => queueMicrotask(() => close(1000)),
        write: (bytes) => {
          down += 1;
          const passed = agent.relay.toBrowser ? agent.relay.toBrowser(bytes.slice(), down) : bytes.slice();
          if (passed) queueMicrotask(() => state === 1 && emit('message', { data: passed.buffer }));
        },
      });
      channels.push({ channel, close });
      queueMicrotask(() => {
        if (agent.refuseWith !== null) return close(agent.refuseWith);
        state = 1;
        emit('open');
      });
      return {
        binaryType: 'blob',
        get readyState() {
          return state;
        },
        send(bytes) {
          up += 1;
          const passed = agent.relay.toAgent ? agent.relay.toAgent(bytes.slice(), up) : bytes.slice();
          if (passed) queueMicrotask(() => channel.receive(passed));
        },
        close: () => close(1000),
        addEventListener(type: string, listener: unknown) {
          listeners.set(type, [...(listeners.get(type) ?? []), listener as Listener]);
        },
      };
    },
  };
  return agent;
}

export type TestAgent = ReturnType<typeof createTestAgent>;
