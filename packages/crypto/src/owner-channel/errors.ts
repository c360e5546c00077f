import { CryptoError } from '../errors.ts';
import type { RefusalReason } from './wire.ts';

export const keyUnproven = () =>
  new CryptoError(
    'agent_key_unproven',
    'Whoever answered could not prove that it is the server you deployed.',
    'Do not continue. Try once more; if it happens again, somebody between you and your server answers in its place: destroy the instance and deploy anew.',
  );

export const keyMismatch = () =>
  new CryptoError(
    'agent_key_mismatch',
    'The server that answered is not the one this device was paired with.',
    'Do not continue. If you did not reinstall the server yourself, somebody between you and it answers in its place.',
  );

export const handshakeFailed = () =>
  new CryptoError(
    'channel_handshake_failed',
    'The first message was not made for this server and instance, or was altered on the way.',
    'Connect again. If it happens again, compare the fingerprint of the server with the one the device pinned.',
  );

export const tampered = () =>
  new CryptoError(
    'channel_tampered',
    'Something between you and your server altered, repeated, reordered or dropped part of the connection.',
    'Nothing of the altered part was accepted. Connect again; if it happens again, do not trust the network or service between.',
  );

export const truncated = () =>
  new CryptoError(
    'channel_truncated',
    'The connection was cut before either side closed it; what was said last may be missing.',
    'Connect again and look at what arrived.',
  );

const REFUSED: Record<RefusalReason, readonly [message: string, fix: string]> = {
  device_not_enrolled: [
    'The server does not know this device.',
    'Enrol it from a device that is enrolled, or use the recovery code.',
  ],
  pairing_used: [
    'The first connection to this server has already been made, and its pairing secret is spent.',
    'Connect with the server key this device pinned. If this device never connected, somebody else did: destroy the instance.',
  ],
  invite_unknown: [
    'The server knows no such code: it was used already, has expired, or was tried too often.',
    'Show a new code on the device that is enrolled, and enter it here.',
  ],
  unsupported: [
    'The server does not speak this version of the owner channel.',
    'Reload the page, or update the server.',
  ],
  busy: ['The server has too many connections open.', 'Close other windows, and try again in a moment.'],
  handshake_failed: [
    'The server could not read the first message: it was made for another key or instance.',
    'Check that this device pinned the key of this server. If it was reinstalled, pair again.',
  ],
};

export const refused = (reason: RefusalReason) =>
  new CryptoError('channel_refused', ...REFUSED[reason], { reason });

export const tooLarge = (maxMessageBytes: number, by: 'self' | 'peer') =>
  new CryptoError(
    'channel_message_too_large',
    by === 'self'
      ? `A message is larger than the ${maxMessageBytes} bytes this channel takes.`
      : 'The other side does not take a message as large as the one that was sent.',
    'Send less at once, e.g. a smaller attachment.',
  );

export const protocolFault = (why: string) =>
  new CryptoError(
    'channel_protocol',
    `The other side does not speak the owner channel: ${why}.`,
    'Reload the page, or update the server.',
  );

export const notOpen = () =>
  new CryptoError(
    'channel_not_open',
    'The channel to the server is not open.',
    'Send after onOpen and before onClose; connect again where it has closed.',
  );
