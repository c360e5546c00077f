import type { KeyPairInput } from '../key-pair.ts';
import { createHandshakeState, type HandshakeState, type NoisePattern } from '../noise/index.ts';
import type { SecretBytes } from '../secret.ts';
import { type ChannelCallbacks, createChannel, type OwnerChannel } from './channel.ts';
import { handshakeFailed, protocolFault, refused } from './errors.ts';
import {
  CLOSE_REASON,
  decodeHello,
  encodeFrame,
  encodeRefusal,
  encodeWelcome,
  patternOfMode,
  prologue,
} from './wire.ts';

export interface Pairing {
  /** 32 bytes, known to the browser that deployed and to this agent. */
  readonly secret: SecretBytes;
  /** Whether no pairing was made yet; asked at the start and again before `onPaired`. */
  isOpen(): boolean;
}

export interface ResponderOptions extends ChannelCallbacks {
  readonly instanceId: string;
  /** The agent's static key pair, X25519. */
  readonly agentKeyPair: KeyPairInput;
  /** At most 64 characters. */
  readonly agentVersion: string;
  /** Whether a device may enter; asked in both modes. The key is proven only once `onOpen` is called. */
  isEnrolled(publicKey: Uint8Array): boolean;
  /** Null where no pairing secret is left. */
  readonly pairing: Pairing | null;
  /** The pairing secret was used: erase it, durably, before returning. */
  onPaired(): void;
  /** The device has proven itself and is live. Messages may be sent from here on. */
  onOpen(peerPublicKey: Uint8Array, client: { readonly name: string }): void;
}

/**
 * The agent's end of the owner channel. Besides what the initiator's end reports, it ends with
 * `channel_refused` after turning a caller away, and `channel_handshake_failed` where the first message
 * does not authenticate. A replayed first message gets an answer nobody but the device can read, and never
 * reaches `onOpen`. Set a time limit until `onOpen` at the stream. Raises `input_invalid` for keys of the
 * wrong size.
 */
export function createResponder(options: ResponderOptions): OwnerChannel {
  const { pairing } = options;
  let pattern: NoisePattern | undefined;
  let handshake: HandshakeState | undefined;
  let clientName = '';

  return createChannel(options, (control) => {
    const refuse = (...args: Parameters<typeof encodeRefusal>) => {
      control.write(encodeRefusal(...args));
      control.fail(refused(...args));
    };
    return {
      onMode(mode) {
        pattern = patternOfMode(mode);
        if (!pattern) return refuse('unsupported');
        if (pattern === 'IKpsk2' && !pairing?.isOpen()) return refuse('pairing_used');
        handshake = createHandshakeState({
          pattern,
          initiator: false,
          prologue: prologue(options.instanceId, pattern),
          staticKeyPair: options.agentKeyPair,
          ...(pattern === 'IKpsk2' && pairing ? { psk: pairing.secret } : {}),
        });
      },
      onHandshakeFrame(frame) {
        let payload: Uint8Array | undefined;
        try {
          payload = handshake?.readMessage(frame);
        } catch {
          payload = undefined;
        }
        const peer = handshake?.remotePublicKey();
        if (!handshake || !payload || !peer) {
          control.write(encodeRefusal('handshake_failed'));
          return control.fail(handshakeFailed());
        }
        // Who knocks comes before what it says: a stranger learns nothing but that it is one.
        if (!options.isEnrolled(peer.slice())) return refuse('device_not_enrolled');
        const hello = decodeHello(payload);
        if (!hello) {
          control.write(encodeRefusal('unsupported'));
          return control.fail(protocolFault('its hello has another form'));
        }
        clientName = hello.clientName;
        const second = handshake.writeMessage(encodeWelcome(options.agentVersion));
        control.establish(handshake.split(), 'confirming');
        control.write(encodeFrame(second));
      },
      onConfirmed() {
        const peer = handshake?.remotePublicKey()?.slice();
        if (!peer) return;
        if (pattern === 'IKpsk2') {
          // Two pairings may have been under way at once: the first to get here is the one.
          if (!pairing?.isOpen()) return control.fail(refused('pairing_used'), CLOSE_REASON.pairingUsed);
          options.onPaired();
        }
        control.setOpen();
        options.onOpen(peer, { name: clientName });
      },
      wipe: () => handshake?.wipe(),
    };
  });
}
