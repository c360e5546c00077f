export { createLocalIssuer, type LocalIssuer, type LocalIssuerConfig, type SignInLink } from './issuer.ts';
export { localPaths } from './paths.ts';
