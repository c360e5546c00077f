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

/** An agent in memory: crypto's own responder behind sockets that pass bytes in order, asynchronously. */
export function createTestAgent(options: {
  instanceId: string;
  devicePublicKey: string;
  pairingSecret: string;
}) {
  let agentKeyPair: KeyPair = generateKeyPair();
  let paired = false;
  const channels: { channel: OwnerChannel; close: (code: number) => void }[] = [];
  const received: OwnerFrame[] = [];
  const calls = { dialled: 0, protocols: [] as string[][] };
  const agent = {
    relay: {} as Relay,
    received,
    calls,
    /** Answers a frame; the default acknowledges commands. */
    answer: (frame: OwnerFrame): OwnerFrame[] =>
      frame.type === 'command'
        ? [{ type: 'result', id: frame.id, ok: true, value: { name: frame.name } }]
        : [],
    /** What is said to each device that enters. */
    greeting: [] as OwnerFrame[],
    publicKey: () => toBase64Url(agentKeyPair.publicKey),
    isPaired: () => paired,
    /** Stands in for a stranger that answers in the agent's place. */
    changeKey: () => {
      agentKeyPair = generateKeyPair();
    },
    say: (frame: OwnerFrame) => {
      for (const { channel } of channels) if (channel.state() === 'open') channel.send(JSON.stringify(frame));
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
        agentKeyPair,
        agentVersion: '0.1.0-test',
        isEnrolled: (key) => toBase64Url(key) === options.devicePublicKey,
        pairing: { secret: fromBase64Url(options.pairingSecret), isOpen: () => !paired },
        onPaired: () => {
          paired = true;
        },
        onOpen: () => {
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
