import type { DatabaseConfig } from '@claw-cloud/db';
import type { QueueConfig } from '@claw-cloud/queue';
import type { Limits } from './http/rate-limit.ts';

/** Who issues session tokens: Clerk, or the built-in issuer. */
export type AuthConfig =
  | {
      readonly kind: 'local';
      readonly databaseUrl: string;
      readonly secret: string;
      /** Lets another program of the operator make sign-in links; null closes that route. */
      readonly operatorToken: string | null;
    }
  | {
      readonly kind: 'clerk';
      readonly jwtKey: string;
      readonly issuer: string;
      readonly publishableKey: string;
    };

/** Everything the api is told at its start; nothing else of the environment is looked at. */
export interface ApiConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where browsers reach this api; an origin. */
  readonly publicUrl: string;
  /** Where machines reach it, if that is elsewhere; an origin. Machines that dial `publicUrl` are taken too. */
  readonly machineUrl?: string;
  readonly database: DatabaseConfig;
  readonly queue: QueueConfig;
  readonly auth: AuthConfig;
  /** Origins whose pages may hold a session; the first is that of `publicUrl`. */
  readonly authorizedParties: readonly string[];
  /** Holds `<sha256>.mjs` bundles of the agent; null answers 404. */
  readonly agentDir: string | null;
  /** Holds the built dashboard; null answers 404. */
  readonly webDir: string | null;
  /** Names this process in the database: unique, and the same after a restart. */
  readonly nodeName: string;
  /** Offers the sandbox cloud to owners. */
  readonly sandbox: boolean;
  /** Where the provisioner's requests to clouds come from, as owners are told; none when it isn't known. */
  readonly egressAddresses?: readonly string[];
  /** What else the clouds' guides name by a placeholder: `{name}` becomes its value. */
  readonly cloudFacts?: Readonly<Record<string, string>>;
  /** How many reverse proxies in front append to X-Forwarded-For. */
  readonly trustedProxyHops: number;
  readonly limits?: Partial<Limits>;
}
