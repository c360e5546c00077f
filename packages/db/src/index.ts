export * from './types.ts';
export { createDatabase } from './database.ts';
