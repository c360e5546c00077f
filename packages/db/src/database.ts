import type { Database, DatabaseConfig } from './types.ts';

/** Opens the product's tables. Nothing connects before the first call. */
export declare function createDatabase(config: DatabaseConfig): Database;
