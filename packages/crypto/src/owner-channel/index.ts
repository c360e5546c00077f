export {
  type ChannelCallbacks,
  DEFAULT_MAX_MESSAGE_BYTES,
  type OwnerChannel,
} from './channel.ts';
export { createInitiator, type Initiator, type InitiatorOptions } from './initiator.ts';
export {
  createResponder,
  type OpenedBy,
  type Pairing,
  type PairingRequest,
  type ResponderOptions,
} from './responder.ts';
export { encodeRefusal, type RefusalReason } from './wire.ts';
