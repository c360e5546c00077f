export { cloudFolder, knownClouds } from './clouds.ts';
export type * from './policy.ts';
export type * from './provider.ts';
export { cloudResourceKinds, powerActions } from './provider.ts';
export { provider } from './registry.ts';
