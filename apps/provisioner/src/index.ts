export type { EngineLocation } from './child/protocol.ts';
export { type ProvisionerConfig, readConfig } from './env.ts';
export { createLog, type Log } from './log.ts';
export { type Provisioner, type ProvisionerOptions, startProvisioner } from './provisioner.ts';
