import { createHash, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { FaultBoard } from '../faults/faults.ts';
import { createFaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import { createActionEngine } from './actions.ts';
import { type ByHand, createByHand } from './by-hand.ts';
import type { Catalogue } from './catalogue.ts';
import { defaultCatalogue } from './catalogue.ts';
import type { CloudEnv, CloudParts, ProjectLimits } from './context.ts';
import { errorResponse } from './errors.ts';
import { faultTarget, hetznerFaults } from './fault-middleware.ts';
import { primaryIpRoutes } from './primary-ips.ts';
import { createRateLimit } from './rate-limit.ts';
import type { RequestLogEntry } from './request-log.ts';
import { createRequestLog } from './request-log.ts';
import { actionRoutes } from './routes-actions.ts';
import { catalogueRoutes } from './routes-catalogue.ts';
import { firewallRoutes } from './routes-firewalls.ts';
import { serverRoutes } from './routes-servers.ts';
import { createServerLife } from './server-life.ts';
import type { HistoryEntry, Powers, ProjectState, ServerRow, TokenGrant } from './state.ts';
import { openState } from './state.ts';

export interface HetznerCloudOptions {
  /**
   * Who may call: known tokens, or `any` for every token of 64 letters and digits, each with a project of its own.
   * Tokens issued with `issueToken` are known in both cases.
   * @default an empty map
   */
  tokens?: Map<string, TokenGrant> | 'any';
  machines: MachineDriver;
  /** @default the sandbox's own offer */
  catalogue?: Catalogue;
  /** JSON file that keeps the cloud's rows over a restart; in memory only without it. */
  stateFile?: string;
  /** How long an action takes before its effect. @default 40 */
  actionMs?: number;
  limits?: Partial<ProjectLimits>;
  now?: () => Date;
  /** A whole number from 0 up to, not including, `below`. @default node:crypto */
  randomBelow?: (below: number) => number;
  faults?: FaultBoard;
  /** Leaves the phased-out `datacenter` out of server answers. @default false */
  omitDatacenter?: boolean;
  /** Sees every request and answer first, for instance a spec validator's middleware. */
  validate?: MiddlewareHandler;
  /** One line per thing an operator should know. @default silent */
  log?: (line: string) => void;
}

export interface HetznerCloud {
  /** The API below `/v1`. */
  app: Hono<CloudEnv>;
  faults: FaultBoard;
  limits: ProjectLimits;
  /** A new 64-character token of a project. */
  issueToken(grant: TokenGrant): string;
  /** From now on the token is unknown. */
  revokeToken(token: string): void;
  servers(): (ServerRow & { project: string })[];
  /** Everything there is, by project. */
  projects(): Readonly<Record<string, ProjectState>>;
  byHand: ByHand;
  history(): HistoryEntry[];
  requests(): RequestLogEntry[];
  requestCount(): number;
  machines: MachineDriver;
  /** Rows and machines found again after a restart; requests wait for it. */
  ready: Promise<void>;
  /** Settles when no action is under way (stuck ones aside). */
  idle(): Promise<void>;
  /** Takes no more work; machines are the driver's to stop. */
  close(): Promise<void>;
}

const TOKEN_LENGTH = 64;
const TOKEN = /^[0-9A-Za-z]{64}$/;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DEFAULT_LIMITS: ProjectLimits = { servers: 10, primaryIps: 10, requestsPerHour: 3600 };

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * A stand-in for the Hetzner Cloud API v1: the endpoints a server provisioner meets, per-project state, actions that
 * progress, the vendor's errors, and faults on demand. Protocol: the vendor's OpenAPI description.
 */
export function createHetznerCloud(options: HetznerCloudOptions): HetznerCloud {
  const log = options.log ?? (() => undefined);
  const now = options.now ?? (() => new Date());
  const randomBelow = options.randomBelow ?? ((below: number) => randomInt(below));
  const randomText = (length: number) =>
    Array.from({ length }, () => ALPHABET[randomBelow(ALPHABET.length)]).join('');
  const store = openState(options.stateFile);
  const faults = options.faults ?? createFaultBoard();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const actions = createActionEngine({ store, now, actionMs: options.actionMs ?? 40, log });
  const parts: CloudParts = {
    catalogue: options.catalogue ?? defaultCatalogue,
    store,
    machines: options.machines,
    faults,
    actions,
    limits,
    now,
    randomText,
  };
  const life = createServerLife(parts, log);
  const requestLog = createRequestLog(now);
  const closing = new AbortController();
  const ready = life.recover();
  ready.catch((error: unknown) => log(`recovery failed: ${String(error)}`));

  function grantOf(token: string): TokenGrant | undefined {
    const hash = digest(token);
    const known = store.state.tokens[hash];
    if (known) return known;
    if (options.tokens === 'any') {
      return TOKEN.test(token)
        ? { project: `project-${hash.slice(0, 12)}`, powers: 'read_write' }
        : undefined;
    }
    return options.tokens?.get(token);
  }

  const authenticate: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const token = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    if (token) c.set('tokenMark', `sha256:${digest(token).slice(0, 12)}`);
    const grant = token ? grantOf(token) : undefined;
    if (!grant) return errorResponse('unauthorized', 'the token you are trying to use is invalid');
    c.set('projectName', grant.project);
    c.set('project', store.project(grant.project));
    c.set('powers', grant.powers);
    await next();
  };

  const omitDatacenter: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const struck = faults.take(['omit_datacenter'], faultTarget(c));
    if (struck) c.set('faultKind', struck.kind);
    c.set('omitDatacenter', struck !== undefined || (options.omitDatacenter ?? false));
    await next();
  };

  const requirePowers: MiddlewareHandler<CloudEnv> = async (c, next) => {
    if (c.get('powers') === 'read' && c.req.method !== 'GET') {
      return errorResponse('token_readonly', 'token is only allowed to perform GET requests');
    }
    await next();
  };

  const app = new Hono<CloudEnv>().basePath('/v1');
  app.use(async (_c, next) => {
    await ready;
    await next();
  });
  app.use(requestLog.middleware);
  app.use(async (c, next) => {
    await next();
    // Every answer of the vendor has one, for its support.
    c.res.headers.set('X-Correlation-ID', randomText(16).toLowerCase());
  });
  if (options.validate) app.use(options.validate);
  app.use(
    authenticate,
    createRateLimit(limits, now),
    hetznerFaults(faults, closing.signal, now),
    omitDatacenter,
    requirePowers,
  );
  for (const routes of [
    actionRoutes(),
    catalogueRoutes(parts),
    serverRoutes(parts, life),
    firewallRoutes(parts),
    primaryIpRoutes(parts),
  ]) {
    app.route('/', routes);
  }
  app.notFound(() => errorResponse('not_found', 'not found'));
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    log(`request failed: ${error.stack ?? error.message}`);
    return errorResponse('server_error', 'internal server error');
  });

  return {
    app,
    faults,
    limits,
    machines: options.machines,
    ready,
    issueToken(grant) {
      const token = randomText(TOKEN_LENGTH);
      store.state.tokens[digest(token)] = { project: grant.project, powers: grant.powers satisfies Powers };
      store.save();
      return token;
    },
    revokeToken(token) {
      delete store.state.tokens[digest(token)];
      store.save();
    },
    projects: () => store.state.projects,
    byHand: createByHand(parts, life),
    servers: () =>
      Object.entries(store.state.projects).flatMap(([project, state]) =>
        state.servers.map((row) => ({ ...row, project })),
      ),
    history: () => [...store.state.history],
    requests: requestLog.entries,
    requestCount: requestLog.total,
    idle: () => actions.idle(),
    async close() {
      closing.abort();
      life.close();
      actions.close();
      await ready.catch(() => undefined);
      await Promise.race([actions.idle(), delay(5_000, undefined, { ref: false })]);
    },
  };
}
