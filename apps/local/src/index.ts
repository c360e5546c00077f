export { type LocalConfig, readLocalConfig } from './env.ts';
export { runLocal } from './main.ts';
export { type PartName, type Platform, type PlatformOptions, startPlatform } from './platform.ts';
export { sandboxToken } from './sandbox-token.ts';
export { type Account, openAccount } from './smoke/account.ts';
