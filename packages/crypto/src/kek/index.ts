export type { Envelope, EnvelopeContext, KeyRing } from '../envelope/index.ts';
export { openEnvelope, rewrapEnvelope, sealEnvelope } from './envelope.ts';
export { createKeyRing } from './key-ring.ts';
