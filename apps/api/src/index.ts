export type { ApiConfig, AuthConfig } from './config.ts';
export { ConfigError, readConfig } from './env.ts';
export { createLog, type Log } from './log.ts';
export { type RunningApi, type StartOptions, startApi } from './server.ts';
