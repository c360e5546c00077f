export type * from './provider.ts';
export { knownProviders, provider } from './registry.ts';
