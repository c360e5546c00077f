import { EMPTY, fromUtf8, utf8 } from '../bytes.ts';
import type { CryptoError } from '../errors.ts';
import type { TransportCiphers } from '../noise/index.ts';
import { createByteQueue } from './byte-queue.ts';
import { notOpen, protocolFault, refused, tampered, tooLarge, truncated } from './errors.ts';
import { createMessageBuffer } from './message-buffer.ts';
import {
  CLOSE_REASON,
  encodeFrame,
  MAX_HANDSHAKE_BYTES,
  MAX_RECORD_PAYLOAD_BYTES,
  RECORD,
  RECORDS_PER_KEY,
} from './wire.ts';

/** The largest message by default: 26 MiB, OpenClaw's own limit for a frame of its gateway. */
export const DEFAULT_MAX_MESSAGE_BYTES = 26 * 1024 * 1024;

/** What both ends are given. */
export interface ChannelCallbacks {
  /** Puts bytes on the stream, in order. If it throws, the channel is dead and the error goes to the caller. */
  write(bytes: Uint8Array): void;
  /** A whole message of the other side. */
  onMessage(text: string): void;
  /**
   * The channel has ended, once and for good: null after a close either side asked for, else what happened.
   * End the stream then. Nothing is delivered afterwards.
   */
  onClose(error: CryptoError | null): void;
  /** The largest message, sent or received, in UTF-8 bytes. @default 26 MiB */
  readonly maxMessageBytes?: number;
}

/** What the owner of the stream holds. */
export interface OwnerChannel {
  /** Feeds bytes of the stream, cut as they come. An error thrown by a callback ends the channel and is rethrown. */
  receive(bytes: Uint8Array): void;
  /** Says that the stream has ended: `channel_truncated`, unless the channel was closed before. */
  end(): void;
  /** Sends a message. Raises `channel_not_open`, and `channel_message_too_large` before anything is sent. */
  send(text: string): void;
  /**
   * Closes in both directions: tells the other side, wipes the keys. No-op when closed. A device that hears
   * `device_revoked` ends with `channel_refused`, reason `device_not_enrolled`, and may believe it.
   */
  close(reason?: 'device_revoked'): void;
  state(): 'handshake' | 'confirming' | 'open' | 'closed';
}

/** One side's handshake, as the common part sees it. */
export interface Role {
  /** The responder's first byte; absent for the initiator, who gets none. */
  onMode?(mode: number): void;
  onHandshakeFrame(frame: Uint8Array): void;
  /** A clear-text refusal in place of a handshake message; absent for the responder, who gets none. */
  onRefusal?(code: number): void;
  /** The first authentic record of the other side has come. */
  onConfirmed?(): void;
  /** Wipes what the handshake still holds. */
  wipe(): void;
}

/** What a role may do with the channel. */
export interface RoleControl {
  write(bytes: Uint8Array): void;
  /** Changes to records; `confirming` until the first record of the other side proves it is live. */
  establish(ciphers: TransportCiphers, state: 'confirming' | 'open'): void;
  setOpen(): void;
  writePadding(): void;
  /** Ends with an error and tells the other side why, if it may hear it authenticated. */
  fail(error: CryptoError, closeReason?: number): void;
}

/** The part of the owner channel that is the same at both ends: framing, records, limits, the end. */
export function createChannel(
  callbacks: ChannelCallbacks,
  createRole: (control: RoleControl) => Role,
): OwnerChannel {
  const maxMessageBytes = callbacks.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  const incoming = createByteQueue();
  const message = createMessageBuffer(maxMessageBytes);
  const outgoing: Uint8Array[] = [];
  let state: 'handshake' | 'confirming' | 'open' | 'closed' = 'handshake';
  let ciphers: TransportCiphers | undefined;
  let modeSeen = false;
  let frameLength: number | undefined;
  let receiving = false;
  let sending = false;
  let sentRecords = 0;
  let receivedRecords = 0;
  const isClosed = () => state === 'closed';

  const destroy = (): void => {
    state = 'closed';
    role.wipe();
    ciphers?.send.wipe();
    ciphers?.receive.wipe();
    message.wipe();
    incoming.clear();
    outgoing.length = 0;
  };

  const write = (bytes: Uint8Array): void => {
    try {
      callbacks.write(bytes);
    } catch (error) {
      destroy();
      throw error;
    }
  };

  const writeRecord = (type: number, payload: Uint8Array): void => {
    if (!ciphers) return;
    const record = new Uint8Array(1 + payload.length);
    record[0] = type;
    record.set(payload, 1);
    const sealed = ciphers.send.encryptWithAd(EMPTY, record);
    // Count and rekey before writing: a write may come back here, in order, before it returns.
    sentRecords += 1;
    if (sentRecords % RECORDS_PER_KEY === 0) ciphers.send.rekey();
    write(encodeFrame(sealed));
  };

  /** Ends the channel; records already made are sent, a close record among them where there are keys. */
  const finish = (error: CryptoError | null, closeReason?: number): void => {
    if (isClosed()) return;
    const tellPeer = error === null || closeReason !== undefined;
    const payload = closeReason === undefined ? EMPTY : Uint8Array.of(closeReason);
    // Closed before the write, so that nothing a re-entrant caller does is taken up.
    state = 'closed';
    if (tellPeer) writeRecord(RECORD.close, payload);
    destroy();
    callbacks.onClose(error);
  };

  const role = createRole({
    write,
    establish(established, next) {
      ciphers = established;
      state = next;
    },
    setOpen() {
      state = 'open';
    },
    writePadding: () => writeRecord(RECORD.padding, EMPTY),
    fail: finish,
  });

  const onClosedByPeer = (reason: Uint8Array): void => {
    destroy();
    if (reason.length === 0) callbacks.onClose(null);
    else if (reason[0] === CLOSE_REASON.messageTooLarge) callbacks.onClose(tooLarge(maxMessageBytes, 'peer'));
    else if (reason[0] === CLOSE_REASON.pairingUsed) callbacks.onClose(refused('pairing_used'));
    else if (reason[0] === CLOSE_REASON.deviceRevoked) callbacks.onClose(refused('device_not_enrolled'));
    else callbacks.onClose(protocolFault('it closed for a reason unknown here'));
  };

  const onPiece = (piece: Uint8Array, last: boolean): void => {
    if (piece.length === 0 && !last) finish(protocolFault('it sent an empty piece'));
    else if (!message.add(piece)) finish(tooLarge(maxMessageBytes, 'self'), CLOSE_REASON.messageTooLarge);
    else if (last) {
      const text = fromUtf8(message.finish());
      if (text === undefined) finish(protocolFault('it sent a message that is not text'));
      else callbacks.onMessage(text);
    }
  };

  /** Decrypts the next record, in its turn; undefined, with the channel dead, where it does not authenticate. */
  const openRecord = (frame: Uint8Array, { receive }: TransportCiphers): Uint8Array | undefined => {
    try {
      const record = receive.decryptWithAd(EMPTY, frame);
      receivedRecords += 1;
      if (receivedRecords % RECORDS_PER_KEY === 0) receive.rekey();
      return record;
    } catch {
      finish(tampered());
      return undefined;
    }
  };

  const onRecord = (record: Uint8Array): void => {
    if (state === 'confirming') role.onConfirmed?.();
    if (isClosed()) return;
    const type = record[0];
    const payload = record.subarray(1);
    if (type === RECORD.more || type === RECORD.last) onPiece(payload, type === RECORD.last);
    else if (type === RECORD.close) onClosedByPeer(payload);
    else if (type !== RECORD.padding) finish(protocolFault('it sent a record of an unknown type'));
  };

  /** Takes one thing off the incoming bytes; false while it is not all there. */
  const step = (): boolean => {
    if (!modeSeen && role.onMode) {
      const mode = incoming.take(1)?.[0];
      if (mode === undefined) return false;
      modeSeen = true;
      role.onMode(mode);
      return true;
    }
    if (frameLength === undefined) {
      const header = incoming.take(2);
      if (!header) return false;
      frameLength = ((header[0] ?? 0) << 8) | (header[1] ?? 0);
      const mayRefuse = state === 'handshake' && role.onRefusal !== undefined;
      if (frameLength === 0 && !mayRefuse) finish(protocolFault('it sent an empty frame'));
      else if (!ciphers && frameLength > MAX_HANDSHAKE_BYTES) {
        finish(protocolFault('its handshake message is too long'));
      }
      return true;
    }
    const frame = incoming.take(frameLength === 0 ? 1 : frameLength);
    if (!frame) return false;
    const isRefusal = frameLength === 0;
    frameLength = undefined;
    if (isRefusal) role.onRefusal?.(frame[0] ?? 0);
    else if (ciphers) {
      const record = openRecord(frame, ciphers);
      if (record) onRecord(record);
    } else role.onHandshakeFrame(frame);
    return true;
  };

  return {
    receive(bytes) {
      if (isClosed()) return;
      incoming.push(bytes);
      // A callback may lead back here; what it brings comes after what is being read.
      if (receiving) return;
      receiving = true;
      try {
        while (!isClosed() && step());
      } catch (error) {
        destroy();
        throw error;
      } finally {
        receiving = false;
      }
    },
    end: () => finish(truncated()),
    send(text) {
      if (state !== 'open') throw notOpen();
      // A character is at least one byte: no need to encode what is too large anyway.
      if (text.length > maxMessageBytes) throw tooLarge(maxMessageBytes, 'self');
      const bytes = utf8(text);
      if (bytes.length > maxMessageBytes) throw tooLarge(maxMessageBytes, 'self');
      outgoing.push(bytes);
      // A write may lead back here; pieces of two messages must not mix.
      if (sending) return;
      sending = true;
      try {
        for (let next = outgoing.shift(); next; next = outgoing.shift()) {
          let offset = 0;
          for (; next.length - offset > MAX_RECORD_PAYLOAD_BYTES && !isClosed(); ) {
            writeRecord(RECORD.more, next.subarray(offset, offset + MAX_RECORD_PAYLOAD_BYTES));
            offset += MAX_RECORD_PAYLOAD_BYTES;
          }
          if (!isClosed()) writeRecord(RECORD.last, next.subarray(offset));
        }
      } finally {
        sending = false;
      }
    },
    close: (reason) => finish(null, reason === undefined ? undefined : CLOSE_REASON.deviceRevoked),
    state: () => state,
  };
}
