import type { EmbeddedDatabase, EmbeddedOptions } from './types.ts';

export type { EmbeddedDatabase, EmbeddedOptions } from './types.ts';

/** Starts, or takes over, the embedded Postgres and its data endpoint on loopback. */
export declare function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase>;
