export { createVerifier, type SessionClaims, type Verifier, type VerifierConfig } from './verifier.ts';
