import { randomInt, randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { createFaultBoard, type FaultBoard } from '../faults/faults.ts';
import { faultMiddleware } from '../faults/middleware.ts';
import type { MachineDriver } from '../machines/driver.ts';
import { access, digest, requireAcl } from './access.ts';
import { type ByHand, createByHand } from './by-hand.ts';
import { type Catalogue, defaultCatalogue } from './catalogue.ts';
import type { AccountLimits, CloudEnv, CloudParts } from './context.ts';
import { errorResponse } from './errors.ts';
import { createInstanceLife } from './instance-life.ts';
import { rateLimit } from './rate-limit.ts';
import { refusal } from './refusals.ts';
import { catalogueRoutes } from './routes-catalogue.ts';
import { firewallRoutes } from './routes-firewalls.ts';
import { instanceRoutes } from './routes-instances.ts';
import { storageRoutes } from './routes-storage.ts';
import { type AccountState, type HistoryEntry, type KeyGrant, openState } from './state.ts';

/** Every permission a user of the vendor can have. */
export const allAcls = [
  'abuse',
  'alerts',
  'billing',
  'dns',
  'firewall',
  'loadbalancer',
  'manage_users',
  'objstore',
  'provisioning',
  'subscriptions',
  'subscriptions_view',
  'support',
  'upgrade',
] as const;

export interface VultrCloudOptions {
  machines: MachineDriver;
  /** @default the pretend cloud's own offer */
  catalogue?: Catalogue;
  /** How long what takes the cloud time takes. @default 40 */
  actionMs?: number;
  limits?: Partial<AccountLimits>;
  /** The answer about a server that is gone. @default the wording that the Pulumi provider of today knows */
  goneText?: string;
  now?: () => Date;
  newId?: () => string;
  /** A whole number from 0 up to, not including, `below`. @default node:crypto */
  randomBelow?: (below: number) => number;
  faults?: FaultBoard;
  /** Sees every request and answer first, for instance a spec validator's middleware. */
  validate?: MiddlewareHandler<CloudEnv>;
  /** @default silent */
  log?: (line: string) => void;
}

export interface VultrCloud {
  /** The API below `/v2`. */
  app: Hono<CloudEnv>;
  faults: FaultBoard;
  /** A new key of an account; without `acls` one that may do everything, without `allow` from everywhere. */
  issueKey(grant: { account: string; acls?: readonly string[]; allow?: readonly string[] }): string;
  /** From now on the key is unknown. */
  revokeKey(key: string): void;
  /** By name; made when it is asked for. */
  account(name: string): AccountState;
  accounts(): ReadonlyMap<string, AccountState>;
  history(): HistoryEntry[];
  byHand: ByHand;
  idle(): Promise<void>;
  close(): Promise<void>;
}

const keyLength = 36;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const defaultLimits: AccountLimits = { servers: 10, requestsPerHour: 108_000, pageSize: 500 };

/**
 * A stand-in for the Vultr API v2: the endpoints that a server's life meets, here and in the vendor's own provider.
 * State per account, keys with permissions and an allow-list of addresses, cursors, and faults on demand.
 */
export function createVultrCloud(options: VultrCloudOptions): VultrCloud {
  const log = options.log ?? (() => undefined);
  const now = options.now ?? (() => new Date());
  const randomBelow = options.randomBelow ?? ((below: number) => randomInt(below));
  const randomText = (length: number) =>
    Array.from({ length }, () => alphabet[randomBelow(alphabet.length)]).join('');
  const store = openState();
  const faults = options.faults ?? createFaultBoard();
  const parts: CloudParts = {
    catalogue: options.catalogue ?? defaultCatalogue,
    store,
    machines: options.machines,
    faults,
    limits: { ...defaultLimits, ...options.limits },
    actionMs: options.actionMs ?? 40,
    goneText: options.goneText ?? 'invalid instance ID',
    now,
    newId: options.newId ?? randomUUID,
    randomText,
    log,
  };
  const life = createInstanceLife(parts);
  const closing = new AbortController();

  const app = new Hono<CloudEnv>().basePath('/v2');
  if (options.validate) app.use(options.validate);
  app.use(
    access(parts),
    rateLimit(parts),
    faultMiddleware<CloudEnv>({
      faults,
      closing: closing.signal,
      now,
      target: (c) => {
        const path = new URL(c.req.url).pathname.replace(/^\/v2/, '');
        const makes = { '/instances': 'server', '/firewalls': 'firewall' } as const;
        const made = c.req.method === 'POST' ? makes[path as keyof typeof makes] : undefined;
        return {
          method: c.req.method,
          path,
          account: c.get('accountName'),
          ...(made === undefined ? {} : { makes: made }),
        };
      },
      refusal,
      broken: () => errorResponse(500, 'Internal server error.'),
    }),
    requireAcl(),
  );
  for (const routes of [
    catalogueRoutes(parts),
    instanceRoutes(parts, life),
    firewallRoutes(parts),
    storageRoutes(parts),
  ])
    app.route('/', routes);
  app.notFound(() => errorResponse(404, 'Invalid API path.'));
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    log(`request failed: ${error.stack ?? error.message}`);
    return errorResponse(500, 'Internal server error.');
  });

  return {
    app,
    faults,
    issueKey({ account, acls = allAcls, allow }) {
      const key = randomText(keyLength);
      const grant: KeyGrant = { account, acls: [...acls], allow: allow ? [...allow] : null };
      store.keys.set(digest(key), grant);
      return key;
    },
    revokeKey(key) {
      store.keys.delete(digest(key));
    },
    account: (name) => store.account(name),
    accounts: () => store.accounts,
    history: () => [...store.history],
    byHand: createByHand(parts, life),
    idle: () => life.idle(),
    async close() {
      closing.abort();
      life.close();
      await life.idle();
    },
  };
}
