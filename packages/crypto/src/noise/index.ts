export {
  type CipherState,
  createCipherState,
  MAX_NOISE_MESSAGE_BYTES,
  NOISE_TAG_BYTES,
} from './cipher-state.ts';
export {
  createHandshakeState,
  type HandshakeOptions,
  type HandshakeState,
  type NoisePattern,
  type TransportCiphers,
} from './handshake-state.ts';
