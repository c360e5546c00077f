export * from './bootstrap.ts';
export * from './common.ts';
export * from './credentials.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './instances.ts';
export * from './owner-messages.ts';
export * from './platform.ts';
