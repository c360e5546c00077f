import type { KeyPairInput } from '../key-pair.ts';
import { createHandshakeState, type HandshakeState, type NoisePattern } from '../noise/index.ts';
import type { SecretBytes } from '../secret.ts';
import { type ChannelCallbacks, createChannel, type OwnerChannel, type RoleControl } from './channel.ts';
import { handshakeFailed, protocolFault, refused } from './errors.ts';
import {
  CLOSE_REASON,
  decodeHello,
  encodeFrame,
  encodeRefusal,
  encodeWelcome,
  patternOfMode,
  prologue,
  type RefusalReason,
} from './wire.ts';

/** Who asks to be let in by a secret. Neither is proven yet: message 1 can be a recording. */
export interface PairingRequest {
  readonly peer: Uint8Array;
  /** Which secret is meant; undefined for the one of the first connection or of recovery. */
  readonly pairingId: string | undefined;
}

/** A secret (32 bytes) that the caller and this agent both know, chosen by who calls. */
export interface Pairing {
  readonly secret: SecretBytes;
  /** Whether it still lets somebody in; asked at the start and again before `onPaired`. */
  isOpen(): boolean;
  /** A caller is about to be answered with it, so may try one guess: the place to count them. */
  onAttempt?(): void;
  /**
   * The caller knows the secret and is live. Do durably, before returning, what follows from it: erase the
   * secret, enrol the caller. If it throws, nothing opens.
   */
  onPaired(peerPublicKey: Uint8Array, client: { readonly name: string }): void;
}

/** How a device proved itself. */
export interface OpenedBy {
  readonly pattern: NoisePattern;
  /** The index of the agent's key pair that was called: above 0 the device has pinned a former key. */
  readonly agentKey: number;
}

export interface ResponderOptions extends ChannelCallbacks {
  readonly instanceId: string;
  /** The agent's static key pairs, X25519: the current one, then former ones that are still answered to. */
  readonly agentKeyPairs: readonly [KeyPairInput, ...KeyPairInput[]];
  /** At most 64 characters. */
  readonly agentVersion: string;
  /**
   * Whether a device may enter; asked when it calls and again when it has proven itself. The key is proven
   * only once `onOpen` is called.
   */
  isEnrolled(publicKey: Uint8Array): boolean;
  /** Which secret must be known by who calls with one (IKpsk2); null where there is none for it. */
  pairing(request: PairingRequest): Pairing | null;
  /** The device has proven itself and is live. Messages may be sent from here on. */
  onOpen(peerPublicKey: Uint8Array, client: { readonly name: string }, by: OpenedBy): void;
}

/** Turns a caller away in the clear. */
function refuse(control: RoleControl, reason: RefusalReason): void {
  control.write(encodeRefusal(reason));
  control.fail(refused(reason));
}

interface Call {
  readonly handshake: HandshakeState;
  readonly agentKey: number;
  readonly peer: Uint8Array;
  readonly payload: Uint8Array;
}

/**
 * The agent's end of the owner channel. Besides what the initiator's end reports, it ends with
 * `channel_refused` after turning a caller away, and `channel_handshake_failed` where the first message
 * does not authenticate. A replayed first message gets an answer nobody but the device can read, and never
 * reaches `onPaired` or `onOpen`. A device that is not enrolled enters only by a secret named in its hello.
 * Set a time limit until `onOpen` at the stream. Raises `input_invalid` for keys of the wrong size.
 */
export function createResponder(options: ResponderOptions): OwnerChannel {
  const { agentKeyPairs, isEnrolled } = options;
  let pattern: NoisePattern = 'IK';
  let call: Call | undefined;
  let clientName = '';
  let pairing: Pairing | null = null;

  /** Message 1 tells nobody which key it was made for but by being readable: the current key is tried first. */
  const read = (frame: Uint8Array): Call | undefined => {
    for (const [agentKey, staticKeyPair] of agentKeyPairs.entries()) {
      const handshake = createHandshakeState({
        pattern,
        initiator: false,
        prologue: prologue(options.instanceId, pattern),
        staticKeyPair,
      });
      try {
        const payload = handshake.readMessage(frame);
        const peer = handshake.remotePublicKey();
        if (peer) return { handshake, agentKey, peer: peer.slice(), payload };
      } catch {
        // Wiped by itself; the next key, if there is one.
      }
    }
    return undefined;
  };

  const answer = (control: RoleControl, { handshake, peer, payload }: Call) => {
    const hello = decodeHello(payload);
    const byInvite = pattern === 'IKpsk2' && hello?.pairingId !== undefined;
    // Who knocks comes before what it says: a stranger learns nothing but that it is one.
    if (!byInvite && !isEnrolled(peer.slice())) return refuse(control, 'device_not_enrolled');
    if (!hello) {
      control.write(encodeRefusal('unsupported'));
      return control.fail(protocolFault('its hello has another form'));
    }
    clientName = hello.clientName;
    if (pattern === 'IKpsk2') {
      pairing = options.pairing({ peer: peer.slice(), pairingId: hello.pairingId });
      if (!pairing?.isOpen()) return refuse(control, byInvite ? 'invite_unknown' : 'pairing_used');
      handshake.setPsk(pairing.secret);
      pairing.onAttempt?.();
    }
    const second = handshake.writeMessage(encodeWelcome(options.agentVersion));
    control.establish(handshake.split(), 'confirming');
    control.write(encodeFrame(second));
  };

  return createChannel(options, (control) => ({
    onMode(mode) {
      const named = patternOfMode(mode);
      if (named) pattern = named;
      else refuse(control, 'unsupported');
    },
    onHandshakeFrame(frame) {
      call = read(frame);
      if (call) answer(control, call);
      else {
        control.write(encodeRefusal('handshake_failed'));
        control.fail(handshakeFailed());
      }
    },
    onConfirmed() {
      if (!call) return;
      const { peer, agentKey } = call;
      const client = { name: clientName };
      if (pattern === 'IKpsk2') {
        // Two may have been under way at once: the first to get here is the one.
        if (!pairing?.isOpen()) return control.fail(refused('pairing_used'), CLOSE_REASON.pairingUsed);
        pairing.onPaired(peer.slice(), client);
      }
      // Whoever was revoked between its call and now has come too late.
      if (!isEnrolled(peer.slice())) {
        return control.fail(refused('device_not_enrolled'), CLOSE_REASON.deviceRevoked);
      }
      control.setOpen();
      options.onOpen(peer.slice(), client, { pattern, agentKey });
    },
    wipe: () => call?.handshake.wipe(),
  }));
}
