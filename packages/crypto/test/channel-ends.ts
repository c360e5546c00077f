import type { CryptoError } from '../src/errors.ts';
import { generateKeyPair, type KeyPair } from '../src/key-pair.ts';
import type { NoisePattern } from '../src/noise/index.ts';
import {
  createInitiator,
  createResponder,
  type Initiator,
  type OwnerChannel,
} from '../src/owner-channel/index.ts';
import { secret } from '../src/secret.ts';

/** What one end was told, in order. */
export interface Log {
  opens: number;
  messages: string[];
  /** One entry for each onClose: the code, or 'clean'. */
  closes: string[];
  errors: CryptoError[];
}

export interface Keys {
  device: KeyPair;
  agent: KeyPair;
  psk: Uint8Array;
}

export const makeKeys = (): Keys => ({
  device: generateKeyPair(),
  agent: generateKeyPair(),
  psk: globalThis.crypto.getRandomValues(new Uint8Array(32)),
});

export const newLog = (): Log => ({ opens: 0, messages: [], closes: [], errors: [] });

const logging = (log: Log) => ({
  onMessage: (text: string) => void log.messages.push(text),
  onClose(error: CryptoError | null) {
    log.closes.push(error?.code ?? 'clean');
    if (error) log.errors.push(error);
  },
});

export interface BrowserOptions {
  mode?: NoisePattern;
  instanceId?: string;
  maxMessageBytes?: number;
  /** The secret that is used, where it is not the one of `keys`. */
  pairingSecret?: Uint8Array;
  pairingId?: string;
  onOpen?(): void;
}

/** The browser's end; what it writes goes to `write`. */
export function makeBrowser(keys: Keys, write: (bytes: Uint8Array) => void, options: BrowserOptions = {}) {
  const log = newLog();
  const { mode = 'IK', instanceId = 'ins_1', onOpen, ...rest } = options;
  const channel: Initiator = createInitiator({
    ...rest,
    ...logging(log),
    mode,
    instanceId,
    deviceKeyPair: keys.device,
    agentPublicKey: keys.agent.publicKey,
    pairingSecret: options.pairingSecret ?? keys.psk,
    clientName: 'test browser',
    onOpen() {
      log.opens += 1;
      onOpen?.();
    },
    write,
  });
  return { channel, log };
}

/** An invite as an agent keeps it; shared by several ends of one agent. */
export interface Invite {
  id: string;
  secret: Uint8Array;
  /** How many more tries it takes; 0 when it was used. */
  left: number;
}

export interface AgentOptions {
  instanceId?: string;
  /** Keys of before, still answered to. */
  formerKeys?: KeyPair[];
  invite?: Invite;
  /** What a recovery key must know. */
  recovery?: { key: KeyPair; secret: Uint8Array };
  maxMessageBytes?: number;
  /** Shared by several ends of one agent: whether pairing is still open. */
  pairing?: { open: boolean } | null;
  enrolled?: KeyPair[];
  onOpen?(): void;
}

const same = (one: Uint8Array, other: Uint8Array) => Buffer.from(one).equals(other);

/** The agent's end. It knows the one device of `keys` unless told otherwise. */
export function makeAgent(keys: Keys, write: (bytes: Uint8Array) => void, options: AgentOptions = {}) {
  const log = {
    ...newLog(),
    paired: 0,
    peers: [] as Uint8Array[],
    clients: [] as string[],
    agentKeys: [] as number[],
  };
  const { instanceId = 'ins_1', enrolled = [keys.device], invite, recovery, onOpen, ...rest } = options;
  const isEnrolled = (key: Uint8Array) =>
    [...enrolled, ...(recovery ? [recovery.key] : [])].some((pair) => same(pair.publicKey, key));
  const pairing = options.pairing === undefined ? { open: true } : options.pairing;
  const channel: OwnerChannel = createResponder({
    ...('maxMessageBytes' in rest ? { maxMessageBytes: rest.maxMessageBytes as number } : {}),
    ...logging(log),
    instanceId,
    agentKeyPairs: [keys.agent, ...(options.formerKeys ?? [])],
    agentVersion: '1.2.3',
    isEnrolled,
    pairing({ peer, pairingId }) {
      if (pairingId !== undefined) {
        if (!invite || pairingId !== invite.id) return null;
        return {
          secret: invite.secret,
          isOpen: () => invite.left > 0,
          onAttempt: () => {
            invite.left -= 1;
          },
          onPaired(publicKey) {
            invite.left = 0;
            enrolled.push({ publicKey, privateKey: secret(new Uint8Array(32)) });
          },
        };
      }
      if (recovery && same(recovery.key.publicKey, peer))
        return { secret: recovery.secret, isOpen: () => true, onPaired: () => undefined };
      if (!pairing) return null;
      return {
        secret: keys.psk,
        isOpen: () => pairing.open,
        onPaired() {
          log.paired += 1;
          pairing.open = false;
        },
      };
    },
    onOpen(peer, client, { agentKey }) {
      log.opens += 1;
      log.agentKeys.push(agentKey);
      log.peers.push(peer);
      log.clients.push(client.name);
      onOpen?.();
    },
    write,
  });
  return { channel, log };
}

export type Direction = 'toAgent' | 'toBrowser';
/** Sees each write (after the first, which has the mode too, a write is a frame) and says what goes on. */
export type Relay = (direction: Direction, bytes: Uint8Array, index: number) => Uint8Array[];

/** A browser and an agent with a relay between, which moves bytes only when told. */
export function makeEnds(
  options: { keys?: Keys; relay?: Relay; browser?: BrowserOptions; agent?: AgentOptions } = {},
) {
  const keys = options.keys ?? makeKeys();
  const waiting: Record<Direction, Uint8Array[]> = { toAgent: [], toBrowser: [] };
  const counts: Record<Direction, number> = { toAgent: 0, toBrowser: 0 };
  let relay: Relay = options.relay ?? ((_, bytes) => [bytes]);
  const browser = makeBrowser(keys, (bytes) => waiting.toAgent.push(bytes), options.browser);
  const agent = makeAgent(keys, (bytes) => waiting.toBrowser.push(bytes), options.agent);

  const move = (direction: Direction): boolean => {
    const bytes = waiting[direction].shift();
    if (!bytes) return false;
    const to = direction === 'toAgent' ? agent.channel : browser.channel;
    for (const part of relay(direction, bytes, counts[direction]++)) to.receive(part);
    return true;
  };
  /** Moves everything there is; ends when both sides are silent. */
  const pump = () => {
    while (move('toAgent') || move('toBrowser'));
  };
  return {
    keys,
    browser,
    agent,
    waiting,
    pump,
    setRelay(next: Relay) {
      relay = next;
      counts.toAgent = 0;
      counts.toBrowser = 0;
    },
    /** Shakes hands. */
    connect() {
      browser.channel.start();
      pump();
    },
    /** Both streams end, as when a relay hangs up. */
    hangUp() {
      browser.channel.end();
      agent.channel.end();
    },
  };
}
