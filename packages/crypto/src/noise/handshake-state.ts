import { concat, EMPTY, requireLength } from '../bytes.ts';
import { CryptoError } from '../errors.ts';
import { generateKeyPair, type KeyPair, type KeyPairInput } from '../key-pair.ts';
import { type SecretBytes, withBytes } from '../secret.ts';
import { sodium } from '../sodium.ts';
import { type CipherState, NOISE_TAG_BYTES, requireSize } from './cipher-state.ts';
import { createSymmetricState } from './symmetric-state.ts';

/** DHLEN of X25519. */
const KEY_BYTES = 32;

type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

/** IK of section 7.5, and with the psk2 modifier of section 9.4. Both: `<- s` is known before (`...`). */
const PATTERNS = {
  IK: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se'],
  ],
  IKpsk2: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se', 'psk'],
  ],
} as const satisfies Record<string, readonly (readonly Token[])[]>;

export type NoisePattern = keyof typeof PATTERNS;

export interface HandshakeOptions {
  readonly pattern: NoisePattern;
  readonly initiator: boolean;
  /** Data both sides must agree on beforehand; bound into the handshake. */
  readonly prologue: Uint8Array;
  /** One's own static key pair. */
  readonly staticKeyPair: KeyPairInput;
  /** The responder's static public key: the initiator must know it. */
  readonly remotePublicKey?: Uint8Array;
  /** 32 bytes both know; for IKpsk2 only. The responder may name it later, by {@link HandshakeState.setPsk}. */
  readonly psk?: SecretBytes | undefined;
  /** Makes the ephemeral key pair, which is wiped after use. @default generateKeyPair */
  readonly generateEphemeral?: () => KeyPair;
}

export interface TransportCiphers {
  readonly send: CipherState;
  readonly receive: CipherState;
}

/** A handshake under way (section 5.3). After any error it is wiped and of no further use. */
export interface HandshakeState {
  /** The next message, with a payload. Raises `noise_out_of_turn`, `noise_message_too_large`. */
  writeMessage(payload: Uint8Array): Uint8Array;
  /**
   * The payload of the other side's message. Raises `noise_message_malformed`, `noise_message_tampered`,
   * `noise_message_too_large`, `noise_out_of_turn`.
   */
  readMessage(message: Uint8Array): Uint8Array;
  /**
   * Names the secret of IKpsk2, which comes at the end of message 2: so a responder can choose it by who
   * wrote message 1. Raises `input_invalid`, and `noise_out_of_turn` where it would come too late.
   */
  setPsk(psk: SecretBytes): void;
  /** The other side's static public key, once known and authenticated so far as the pattern says. */
  remotePublicKey(): Uint8Array | undefined;
  /** The transcript's hash: the same at both ends, unique to this handshake (section 11.2). */
  handshakeHash(): Uint8Array;
  /** The transport's ciphers, after the last message. Wipes the handshake. Raises `noise_out_of_turn`. */
  split(): TransportCiphers;
  wipe(): void;
}

/** Initialize of section 5.3 for `Noise_<pattern>_25519_ChaChaPoly_BLAKE2b`. Raises `input_invalid`. */
export function createHandshakeState(options: HandshakeOptions): HandshakeState {
  const { pattern, initiator, prologue, staticKeyPair: s } = options;
  const generateEphemeral = options.generateEphemeral ?? generateKeyPair;
  const messages: readonly (readonly Token[])[] = PATTERNS[pattern];
  const usesPsk = pattern === 'IKpsk2';
  requireLength(s.publicKey, KEY_BYTES, 'staticKeyPair.publicKey');
  if (initiator) requireLength(options.remotePublicKey, KEY_BYTES, 'remotePublicKey');
  const checkPsk = (secret: SecretBytes) => withBytes(secret, (bytes) => requireLength(bytes, 32, 'psk'));
  let psk = usesPsk ? options.psk : undefined;
  if (psk !== undefined || (usesPsk && initiator)) checkPsk(psk ?? EMPTY);

  const symmetric = createSymmetricState(`Noise_${pattern}_25519_ChaChaPoly_BLAKE2b`);
  let e: KeyPair | undefined;
  let re: Uint8Array | undefined;
  let rs = initiator ? options.remotePublicKey : undefined;
  let step = 0;
  let dead = false;

  symmetric.mixHash(prologue);
  // The pre-message: the responder's static key.
  symmetric.mixHash(present(initiator ? rs : s.publicKey));

  const wipe = (): void => {
    dead = true;
    e?.privateKey.wipe();
    symmetric.wipe();
  };

  /** MixKey(DH(…)): which of one's own keys meets which of theirs depends on the role. */
  const mixDh = (token: 'ee' | 'es' | 'se' | 'ss'): void => {
    const ownIsEphemeral = token === 'ee' || token === (initiator ? 'es' : 'se');
    const theirsIsEphemeral = token === 'ee' || token === (initiator ? 'se' : 'es');
    const own = present(ownIsEphemeral ? e : s);
    const theirs = present(theirsIsEphemeral ? re : rs);
    const shared = withBytes(own.privateKey, (key) => diffieHellman(key, theirs));
    symmetric.mixKey(shared);
    shared.fill(0);
  };

  /** Tokens that are the same whether the message is written or read. */
  const mixToken = (token: Exclude<Token, 'e' | 's'>): void => {
    if (token === 'psk') withBytes(present(psk), (bytes) => symmetric.mixKeyAndHash(bytes));
    else mixDh(token);
  };

  const mixEphemeral = (publicKey: Uint8Array): void => {
    symmetric.mixHash(publicKey);
    // Section 9.2: in a pattern with a psk the ephemeral key is mixed into the key too.
    if (usesPsk) symmetric.mixKey(publicKey);
  };

  const write = (tokens: readonly Token[], payload: Uint8Array): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (const token of tokens) {
      if (token === 'e') {
        e = generateEphemeral();
        parts.push(e.publicKey);
        mixEphemeral(e.publicKey);
      } else if (token === 's') parts.push(symmetric.encryptAndHash(s.publicKey));
      else mixToken(token);
    }
    parts.push(symmetric.encryptAndHash(payload));
    const message = concat(...parts);
    requireSize(message.length);
    return message;
  };

  const read = (tokens: readonly Token[], message: Uint8Array): Uint8Array => {
    requireSize(message.length);
    let offset = 0;
    const take = (length: number): Uint8Array => {
      if (message.length - offset < length) throw tooShort();
      offset += length;
      return message.slice(offset - length, offset);
    };
    for (const token of tokens) {
      if (token === 'e') {
        re = take(KEY_BYTES);
        mixEphemeral(re);
      } else if (token === 's') {
        rs = symmetric.decryptAndHash(take(KEY_BYTES + (symmetric.hasKey() ? NOISE_TAG_BYTES : 0)));
      } else mixToken(token);
    }
    if (symmetric.hasKey() && message.length - offset < NOISE_TAG_BYTES) throw tooShort();
    return symmetric.decryptAndHash(message.slice(offset));
  };

  const turn = (writing: boolean, process: (tokens: readonly Token[]) => Uint8Array): Uint8Array => {
    const tokens = messages[step];
    if (dead || !tokens || (writing !== (step % 2 === 0)) === initiator) throw outOfTurn();
    try {
      const result = process(tokens);
      step += 1;
      return result;
    } catch (error) {
      wipe();
      throw error;
    }
  };

  return {
    writeMessage: (payload) => turn(true, (tokens) => write(tokens, payload)),
    readMessage: (message) => turn(false, (tokens) => read(tokens, message)),
    setPsk(secret) {
      if (!usesPsk || dead || step >= messages.length) throw outOfTurn();
      checkPsk(secret);
      psk = secret;
    },
    remotePublicKey: () => rs,
    handshakeHash: symmetric.handshakeHash,
    split() {
      if (dead || step < messages.length) throw outOfTurn();
      const [first, second] = symmetric.split();
      wipe();
      return initiator ? { send: first, receive: second } : { send: second, receive: first };
    },
    wipe,
  };
}

/**
 * DH of section 4.1. libsodium refuses a point of low order (an all-zero result), which only an attacker
 * sends: it would make the shared secret a known one.
 */
function diffieHellman(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return sodium().crypto_scalarmult(privateKey, publicKey);
  } catch {
    throw new CryptoError(
      'noise_message_tampered',
      'The other side sent a public key that is not a usable one.',
      'Connect again. If it happens again, something on the way alters the connection.',
    );
  }
}

function tooShort(): CryptoError {
  return new CryptoError(
    'noise_message_malformed',
    'A handshake message is shorter than its pattern says.',
    'Check that both sides speak the same version.',
  );
}

function outOfTurn(): CryptoError {
  return new CryptoError(
    'noise_out_of_turn',
    'The handshake is not at this step, or has already failed.',
    'Start a new handshake.',
  );
}

/** What the pattern guarantees to be there by now. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw outOfTurn();
  return value;
}
