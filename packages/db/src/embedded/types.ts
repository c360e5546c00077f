export interface EmbeddedOptions {
  /** Everything is kept under it: data, keys, ports, logs. Made when absent. */
  readonly dir: string;
  /** Fixed ports of Postgres and of the data endpoint; free ones otherwise. */
  readonly ports?: { readonly postgres?: number; readonly data?: number };
  /** False only for throw-away databases: nothing is forced to the disk. @default true */
  readonly durable?: boolean;
  /** One line per thing worth knowing; nothing secret. @default nothing */
  readonly log?: (line: string) => void;
}

export interface EmbeddedDatabase {
  readonly url: string;
  readonly secretKey: string;
  readonly publishableKey: string;
  readonly jwtSecret: string;
  /** Connection string of one of the databases `claw` (the product's), `pulumi`, `queue` and `auth`. */
  postgresUrl(databaseName: 'claw' | 'pulumi' | 'queue' | 'auth'): string;
  /** True when a Postgres that was still running was taken over. */
  readonly adopted: boolean;
  /** Stops the data endpoint, then Postgres. Close your own pools before. */
  stop(): Promise<void>;
}
