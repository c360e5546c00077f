import { concat, fromUtf8, utf8 } from '../bytes.ts';
import { MAX_NOISE_MESSAGE_BYTES, NOISE_TAG_BYTES, type NoisePattern } from '../noise/index.ts';

/**
 * The bytes of the owner channel, version 1, over any ordered byte stream:
 *
 *   initiator:  mode (1 byte)  frame(handshake 1)                    frame(record) …
 *   responder:                       frame(handshake 2) or refusal          frame(record) …
 *
 *   frame    = length (2 bytes, big-endian, never 0)  Noise message
 *   refusal  = 0 (2 bytes)  reason (1 byte); in the clear, so the initiator may take it as a hint only
 *   record   = type (1 byte)  payload; encrypted as one Noise transport message
 */

/** What the first byte says: which handshake follows. */
export const MODE_BYTES = { IK: 1, IKpsk2: 2 } as const satisfies Record<NoisePattern, number>;

export function patternOfMode(mode: number): NoisePattern | undefined {
  if (mode === MODE_BYTES.IK) return 'IK';
  return mode === MODE_BYTES.IKpsk2 ? 'IKpsk2' : undefined;
}

/** Record types. A message is any number of `more` and one `last`; `padding` is dropped by the receiver. */
export const RECORD = { more: 0, last: 1, close: 2, padding: 3 } as const;

/** The payload of a close record: none for a close as wished, else one of these. */
export const CLOSE_REASON = { messageTooLarge: 1, pairingUsed: 2, deviceRevoked: 3 } as const;

/** The most a record carries: a Noise message less its tag and the type. */
export const MAX_RECORD_PAYLOAD_BYTES = MAX_NOISE_MESSAGE_BYTES - NOISE_TAG_BYTES - 1;
/** A handshake message is keys, tags and a name or version; a stranger may not make us hold more. */
export const MAX_HANDSHAKE_BYTES = 4096;
/** Each direction changes its key after so many records, counted by both sides. */
export const RECORDS_PER_KEY = 2 ** 16;

const REFUSALS = {
  device_not_enrolled: 1,
  pairing_used: 2,
  unsupported: 3,
  busy: 4,
  handshake_failed: 5,
  invite_unknown: 6,
} as const;

/** Why a responder turns a caller away. */
export type RefusalReason = keyof typeof REFUSALS;

/** The refusal a responder sends in place of its handshake message; `busy` is for the transport's owner. */
export function encodeRefusal(reason: RefusalReason): Uint8Array {
  return Uint8Array.of(0, 0, REFUSALS[reason]);
}

export function refusalReason(code: number): RefusalReason | undefined {
  return (Object.keys(REFUSALS) as RefusalReason[]).find((reason) => REFUSALS[reason] === code);
}

export function encodeFrame(message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(message.length >>> 8, message.length & 0xff), message);
}

/** Both sides bind into the handshake which instance is meant and how they are about to speak. */
export function prologue(instanceId: string, pattern: NoisePattern): Uint8Array {
  return concat(
    utf8('claw.owner.v1'),
    Uint8Array.of(0),
    utf8(instanceId),
    Uint8Array.of(0, MODE_BYTES[pattern]),
  );
}

const MAX_NAME_CHARS = 64;
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_CHARS;

export interface Hello {
  readonly clientName: string;
  /** Which of the responder's secrets is meant, where it is not the one of the first connection. */
  readonly pairingId: string | undefined;
}

/**
 * The initiator's handshake payload. It can be replayed by a relay: nothing may be done on its account.
 * A responder of before knows no `pairing` and does not look at it.
 */
export function encodeHello({ clientName, pairingId }: Hello): Uint8Array {
  const client = { name: clientName.slice(0, MAX_NAME_CHARS) };
  return utf8(JSON.stringify({ v: 1, client, ...(pairingId === undefined ? {} : { pairing: pairingId }) }));
}

export function decodeHello(payload: Uint8Array): Hello | undefined {
  const { v, client, pairing } = parse(payload);
  if (v !== 1 || typeof client !== 'object' || client === null) return undefined;
  const { name } = client as { name?: unknown };
  if (!isName(name) || !(pairing === undefined || isName(pairing))) return undefined;
  return { clientName: name, pairingId: pairing };
}

/** The responder's handshake payload. */
export function encodeWelcome(agentVersion: string): Uint8Array {
  return utf8(JSON.stringify({ v: 1, agentVersion: agentVersion.slice(0, MAX_NAME_CHARS) }));
}

export function decodeWelcome(payload: Uint8Array): { agentVersion: string } | undefined {
  const { v, agentVersion } = parse(payload);
  return v === 1 && isName(agentVersion) ? { agentVersion } : undefined;
}

interface Greeting {
  v?: unknown;
  client?: unknown;
  pairing?: unknown;
  agentVersion?: unknown;
}

/** Whatever the other side sent as an object, its fields unchecked; an empty one for anything else. */
function parse(payload: Uint8Array): Greeting {
  try {
    const value: unknown = JSON.parse(fromUtf8(payload) ?? '');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
