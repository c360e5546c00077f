import { concat } from '../bytes.ts';
import type { KeyPairInput } from '../key-pair.ts';
import { createHandshakeState, type NoisePattern } from '../noise/index.ts';
import type { SecretBytes } from '../secret.ts';
import { type ChannelCallbacks, createChannel, type OwnerChannel, type RoleControl } from './channel.ts';
import { keyMismatch, keyUnproven, protocolFault, refused } from './errors.ts';
import { decodeWelcome, encodeFrame, encodeHello, MODE_BYTES, prologue, refusalReason } from './wire.ts';

export interface InitiatorOptions extends ChannelCallbacks {
  /** `IKpsk2` with a secret that proves a key nobody pinned yet; `IK` with the pinned key afterwards. */
  readonly mode: NoisePattern;
  readonly instanceId: string;
  /** The owner's device key pair, X25519. */
  readonly deviceKeyPair: KeyPairInput;
  /** The agent's static public key: pinned, or as it was told where a secret will prove it. */
  readonly agentPublicKey: Uint8Array;
  /** 32 bytes; needed for `IKpsk2`. */
  readonly pairingSecret?: SecretBytes;
  /** Which secret it is, where it is an invite's; at most 64 characters, read by the agent's key alone. */
  readonly pairingId?: string;
  /** How the device calls itself, at most 64 characters. @default 'browser' */
  readonly clientName?: string;
  /**
   * The agent has proven itself: after `IKpsk2`, pin `agentPublicKey` now. Messages may be sent from here on.
   */
  onOpen(agent: { readonly agentVersion: string }): void;
}

export interface Initiator extends OwnerChannel {
  /** Writes the mode and the first handshake message. Call it once, when the stream is there. */
  start(): void;
}

/**
 * The browser's end of the owner channel. Ends with `agent_key_unproven` (IKpsk2) or `agent_key_mismatch`
 * (IK) where whoever answers does not hold the agent's key, `channel_refused` where it turns us away
 * (unauthenticated: a hint), later with `channel_tampered`, `channel_truncated`,
 * `channel_message_too_large` or `channel_protocol`. Set a time limit on the handshake at the stream.
 * Raises `input_invalid` for keys of the wrong size.
 */
export function createInitiator(options: InitiatorOptions): Initiator {
  const { mode, deviceKeyPair, agentPublicKey, pairingSecret } = options;
  const handshake = createHandshakeState({
    pattern: mode,
    initiator: true,
    prologue: prologue(options.instanceId, mode),
    staticKeyPair: deviceKeyPair,
    remotePublicKey: agentPublicKey.slice(),
    ...(pairingSecret === undefined ? {} : { psk: pairingSecret }),
  });

  let write: RoleControl['write'] = options.write;
  const channel = createChannel(options, (control) => {
    write = control.write;
    return {
      onHandshakeFrame(frame) {
        let payload: Uint8Array;
        try {
          payload = handshake.readMessage(frame);
        } catch {
          return control.fail(mode === 'IKpsk2' ? keyUnproven() : keyMismatch());
        }
        const welcome = decodeWelcome(payload);
        if (!welcome) return control.fail(protocolFault('its welcome has another form'));
        control.establish(handshake.split(), 'open');
        // The agent waits for a record: it proves that message 1 was ours and of now, not a recording.
        control.writePadding();
        options.onOpen(welcome);
      },
      onRefusal(code) {
        const reason = refusalReason(code);
        control.fail(reason ? refused(reason) : protocolFault('it refused for a reason unknown here'));
      },
      wipe: handshake.wipe,
    };
  });

  return {
    ...channel,
    start() {
      const hello = { clientName: options.clientName ?? 'browser', pairingId: options.pairingId };
      const first = handshake.writeMessage(encodeHello(hello));
      write(concat(Uint8Array.of(MODE_BYTES[mode]), encodeFrame(first)));
    },
  };
}
