import type { EmbeddedDatabase } from '../embedded/types.ts';
import type { Database } from '../types.ts';

export interface TestDatabase extends EmbeddedDatabase {
  readonly db: Database;
}

/** A throw-away embedded database with the migrations applied; `stop()` removes it. */
export declare function startTestDatabase(): Promise<TestDatabase>;
