import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { FaultBoard } from '../faults/faults.ts';
import { createFaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import { createActionEngine } from './actions.ts';
import { type Catalogue, defaultCatalogue } from './catalogue.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { createDropletLife, readDropletOrder } from './droplet-life.ts';
import { errorResponse } from './errors.ts';
import { digitaloceanFaults, noteWhatIsMade } from './faults.ts';
import { createRateLimit } from './rate-limit.ts';
import { catalogueRoutes } from './routes-catalogue.ts';
import { dropletRoutes } from './routes-droplets.ts';
import { firewallRoutes } from './routes-firewalls.ts';
import { tagRoutes } from './routes-tags.ts';
import { scopesOf } from './scopes.ts';
import type { AccountState, HistoryEntry, TokenGrant } from './state.ts';

export interface DigitalOceanCloudOptions {
  machines: MachineDriver;
  catalogue?: Catalogue;
  /** How long an action takes before its effect. @default 30 */
  actionMs?: number;
  /** Droplets a new account may have. @default 10 */
  dropletLimit?: number;
  /** Of one token. @default 5000 */
  requestsPerHour?: number;
  now?: () => Date;
  faults?: FaultBoard;
  /** Sees every request and answer first, for instance a spec validator's middleware. */
  validate?: MiddlewareHandler<CloudEnv>;
}

export interface DigitalOceanCloud {
  /** The API; its paths begin with `/v2`. */
  readonly app: Hono<CloudEnv>;
  readonly faults: FaultBoard;
  /** A new token of an account. */
  issueToken(grant: TokenGrant): string;
  revokeToken(token: string): void;
  /** An account by its name, made when it isn't there: to be looked at and changed by tests. */
  account(name: string): AccountState;
  accounts(): AccountState[];
  history(): HistoryEntry[];
  readonly byHand: {
    /** False when there is none. */
    deleteDroplet(id: number): Promise<boolean>;
    openFirewall(id: string): boolean;
    /** From the body of a `POST /v2/droplets`; throws the vendor's refusal. */
    addDroplet(account: string, body: Record<string, unknown>): Promise<number>;
  };
  /** Settles when no action is under way (stuck ones aside). */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Apart from other clouds' numbers: one machine room may serve several. */
const firstId = 400_000_001;

const digest = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * A stand-in for the DigitalOcean API v2: the endpoints that a provisioner and the vendor's Go client meet, per-account
 * state, tokens with scopes, actions that progress, the vendor's errors, and faults on demand. Protocol: the vendor's
 * OpenAPI description.
 */
export function createDigitalOceanCloud(options: DigitalOceanCloudOptions): DigitalOceanCloud {
  const now = options.now ?? (() => new Date());
  const perHour = options.requestsPerHour ?? 5_000;
  const faults = options.faults ?? createFaultBoard();
  const accounts = new Map<string, AccountState>();
  const tokens = new Map<string, TokenGrant>();
  const history: HistoryEntry[] = [];
  const closing = new AbortController();
  let id = firstId;
  const nextId = () => id++;
  const actions = createActionEngine({ now, nextId, actionMs: options.actionMs ?? 30 });
  const parts: CloudParts = {
    catalogue: options.catalogue ?? defaultCatalogue,
    machines: options.machines,
    faults,
    actions,
    history,
    now,
    nextId,
    uuid: randomUUID,
  };
  const life = createDropletLife(parts);

  function account(name: string): AccountState {
    const there = accounts.get(name);
    if (there) return there;
    const made: AccountState = {
      name,
      uuid: randomUUID(),
      email: 'sammy@example.com',
      emailVerified: true,
      status: 'active',
      statusMessage: '',
      dropletLimit: options.dropletLimit ?? 10,
      droplets: [],
      firewalls: [],
      tags: [],
      actions: [],
    };
    accounts.set(name, made);
    return made;
  }

  const authenticate: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const token = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    if (token) c.set('tokenMark', `sha256:${digest(token).slice(0, 12)}`);
    const grant = token ? tokens.get(digest(token)) : undefined;
    if (!grant) return errorResponse(401, 'Unable to authenticate you');
    c.set('grant', grant);
    c.set('account', account(grant.account));
    await next();
    return;
  };

  const requireScopes: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const { scopes } = c.get('grant');
    const needed = scopesOf(c.req.method, new URL(c.req.url).pathname) ?? [];
    if (scopes !== 'all' && !needed.every((scope) => scopes.includes(scope)))
      return errorResponse(403, 'You are not authorized to perform this operation');
    if (account(c.get('grant').account).status === 'locked' && c.req.method !== 'GET')
      return errorResponse(403, 'Your account has been locked. Please contact support.');
    await next();
    return;
  };

  const app = new Hono<CloudEnv>();
  app.use(async (c, next) => {
    await next();
    c.res.headers.set('x-request-id', randomUUID());
  });
  if (options.validate) app.use(options.validate);
  app.use(
    authenticate,
    createRateLimit(perHour, now),
    noteWhatIsMade,
    digitaloceanFaults(faults, closing.signal, now, perHour),
    requireScopes,
  );
  for (const routes of [
    catalogueRoutes(parts),
    dropletRoutes(parts, life),
    firewallRoutes(parts),
    tagRoutes(),
  ])
    app.route('/', routes);
  app.notFound(() => errorResponse(404, 'The resource you were accessing could not be found.'));
  app.onError((error) =>
    error instanceof HTTPException ? error.getResponse() : errorResponse(500, 'Unexpected server-side error'),
  );

  return {
    app,
    faults,
    issueToken(grant) {
      const token = `dop_v1_${randomBytes(32).toString('hex')}`;
      tokens.set(digest(token), grant);
      account(grant.account);
      return token;
    },
    revokeToken(token) {
      tokens.delete(digest(token));
    },
    account,
    accounts: () => [...accounts.values()],
    history: () => [...history],
    byHand: {
      async deleteDroplet(wanted) {
        for (const state of accounts.values()) {
          const row = state.droplets.find((droplet) => droplet.id === wanted);
          if (!row) continue;
          await life.remove(state, row);
          return true;
        }
        return false;
      },
      openFirewall(wanted) {
        const row = [...accounts.values()]
          .flatMap((state) => state.firewalls)
          .find((candidate) => candidate.id === wanted);
        row?.inbound.push({ protocol: 'tcp', ports: '22', target: { addresses: ['0.0.0.0/0', '::/0'] } });
        return row !== undefined;
      },
      async addDroplet(name, body) {
        const state = account(name);
        return (await life.make(state, readDropletOrder(parts, state, body))).row.id;
      },
    },
    idle: () => actions.idle(),
    async close() {
      closing.abort();
      life.close();
      actions.close();
      await Promise.race([actions.idle(), delay(5_000, undefined, { ref: false })]);
    },
  };
}
