export { createDatabase } from './database.ts';
export type * from './types.ts';
