import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier } from '@claw-cloud/auth';
import { createLocalIssuer, type LocalIssuer } from '@claw-cloud/auth/local';
import { newId } from '@claw-cloud/contracts';
import {
  closeSupportConnection,
  closeTunnel,
  markReady,
  openSupportConnection,
  openTunnel,
  takeHeartbeats,
  takeReport,
} from '@claw-cloud/core';
import { ready as cryptoReady } from '@claw-cloud/crypto';
import { createDatabase, type Database } from '@claw-cloud/db';
import { createQueue, type JobQueue } from '@claw-cloud/queue';
import { getRequestListener } from '@hono/node-server';
import { createApp } from './app.ts';
import { createChannels } from './channel/channels.ts';
import { createTrafficMeter } from './channel/traffic.ts';
import type { ApiConfig } from './config.ts';
import { createOwnerGate } from './http/owner.ts';
import { createRateLimiter, defaultLimits } from './http/rate-limit.ts';
import { createLog, describeError, type Log } from './log.ts';
import { type ApiParts, verbContext } from './parts.ts';
import { createKeepAlive } from './socket/keep-alive.ts';
import { createSupports } from './support/supports.ts';
import { createHeartbeats } from './tunnel/heartbeats.ts';
import { createOffers, servedAgent } from './tunnel/offers.ts';
import { listenToReports } from './tunnel/reports.ts';
import { createTunnels } from './tunnel/tunnels.ts';
import { serveUpgrades, wantsWebSocket } from './upgrade.ts';

export interface StartOptions {
  readonly log?: Log;
  /** In place of the ones the configuration names; they are closed by whoever made them. */
  readonly db?: Database;
  readonly queue?: Pick<JobQueue, 'add'>;
  /** For tests of time limits, in ms. */
  readonly timing?: {
    readonly pingMs?: number;
    readonly answerTimeoutMs?: number;
    readonly trafficMs?: number;
    readonly channelMaxAgeMs?: number;
    readonly channelRecheckMs?: number;
    readonly heartbeatsMs?: number;
    readonly offersMs?: number;
    readonly reportsRetryMs?: readonly [first: number, longest: number];
    readonly reportsRefusedMs?: number;
  };
}

export interface RunningApi {
  /** Where it listens. */
  readonly url: string;
  /** What it holds right now. */
  counts(): { tunnels: number; channels: number };
  /** Takes no more, lets requests finish for at most 5 s, closes sockets with "going away". */
  stop(): Promise<void>;
}

const drainMs = 5_000;
const maxConnections = 20_000;

/** Starts the api on its configuration; resolves when it listens. Rejects when something it needs can't be reached. */
export async function startApi(config: ApiConfig, options: StartOptions = {}): Promise<RunningApi> {
  const { timing = {} } = options;
  const log = options.log ?? createLog((line) => process.stdout.write(line));
  await cryptoReady();
  const stopping = new AbortController();
  const db = options.db ?? createDatabase(config.database);
  const ownQueue = options.queue
    ? null
    : await createQueue(config.queue, { log: (reason) => log.warn('queue', { reason }) });
  const queue = options.queue ?? ownQueue;
  if (!queue) throw new Error('There is no queue.');
  const { issuer, verify } = await signIn(config, log);

  const parts: ApiParts = {
    config,
    db,
    queue,
    verify,
    issuer,
    log,
    limiter: createRateLimiter({ ...defaultLimits, ...config.limits }),
    stopping: stopping.signal,
    now: () => new Date(),
    newId,
  };
  const gate = createOwnerGate(parts);
  const keepAlive = createKeepAlive(timing.pingMs);
  const context = () => verbContext(parts, 'tunnel');
  const tunnels = createTunnels({
    keepAlive,
    log,
    identityKey: (instanceId) => db.machine.identityKey(instanceId),
    attach: async (instanceId) => (await openTunnel(context(), { instanceId, node: config.nodeName })).epoch,
    detach: (instanceId, epoch) => closeTunnel(context(), { instanceId, epoch }),
    markReady: (instanceId, health) => markReady(context(), { instanceId, health }),
    serve: (tunnel, ended) => {
      void offers.greet(tunnel);
      void listenToReports(tunnel, ended, {
        heartbeat: heartbeats.add,
        take: (instanceId, identityPublicKey, line) =>
          takeReport(context(), { instanceId, identityPublicKey, line }),
        log,
        ...(timing.reportsRetryMs === undefined ? {} : { retryMs: timing.reportsRetryMs }),
        ...(timing.reportsRefusedMs === undefined ? {} : { refusedMs: timing.reportsRefusedMs }),
      });
    },
    ...(timing.answerTimeoutMs === undefined ? {} : { answerTimeoutMs: timing.answerTimeoutMs }),
  });
  const heartbeats = createHeartbeats({
    write: (rows) => takeHeartbeats(context(), rows),
    log,
    ...(timing.heartbeatsMs === undefined ? {} : { everyMs: timing.heartbeatsMs }),
  });
  const offers = createOffers({
    channel: () => db.machine.channel(),
    agent: () => servedAgent(config.agentDir),
    tunnels: () => tunnels.all(),
    log,
    ...(timing.offersMs === undefined ? {} : { everyMs: timing.offersMs }),
  });
  const traffic = createTrafficMeter({
    write: (instanceId, counted) => db.machine.countTraffic(instanceId, counted),
    log,
    ...(timing.trafficMs === undefined ? {} : { everyMs: timing.trafficMs }),
  });
  const channels = createChannels({
    gate,
    tunnels,
    traffic,
    keepAlive,
    log,
    ...(timing.channelMaxAgeMs === undefined ? {} : { maxAgeMs: timing.channelMaxAgeMs }),
    ...(timing.channelRecheckMs === undefined ? {} : { recheckMs: timing.channelRecheckMs }),
  });

  const supports = createSupports({
    tunnels,
    keepAlive,
    log,
    open: (asked) => openSupportConnection(context(), asked),
    close: (ended) => closeSupportConnection(context(), ended),
  });

  // An earlier process of this name left no word when it was killed: its tunnels are gone.
  await db.machine
    .detachNode(config.nodeName)
    .catch((error: unknown) => log.warn('stale tunnels not noted', describeError(error)));

  const app = createApp(parts, gate, tunnels);
  const server = createServer(
    {
      headersTimeout: 15_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 65_000,
      shouldUpgradeCallback: wantsWebSocket,
    },
    getRequestListener(app.fetch),
  );
  server.maxConnections = maxConnections;
  serveUpgrades(server, {
    tunnels,
    channels,
    supports,
    limiter: parts.limiter,
    log,
    allowedOrigins: config.authorizedParties,
    machineHosts: [config.machineUrl ?? config.publicUrl, config.publicUrl].map((url) => new URL(url).host),
    trustedProxyHops: config.trustedProxyHops,
  });
  await listen(server, config);

  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    counts: () => ({ tunnels: tunnels.size(), channels: channels.size() }),
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      stopping.abort();
      const late = setTimeout(() => server.closeAllConnections(), drainMs);
      await within(
        1_000,
        Promise.all([channels.closeAll(), supports.closeAll()]).then(() => undefined),
      );
      await within(2_000, tunnels.closeAll());
      keepAlive.stop();
      offers.stop();
      await within(1_500, traffic.stop());
      await within(1_500, heartbeats.stop());
      server.closeIdleConnections();
      await closed;
      clearTimeout(late);
      await issuer?.close();
      await ownQueue?.close();
    },
  };
}

async function signIn(
  config: ApiConfig,
  log: Log,
): Promise<{ issuer: LocalIssuer | null } & Pick<ApiParts, 'verify'>> {
  const { auth, authorizedParties } = config;
  if (auth.kind === 'clerk')
    return {
      issuer: null,
      verify: createVerifier({ jwtKey: auth.jwtKey, issuer: auth.issuer, authorizedParties }),
    };
  const issuer = await createLocalIssuer({
    databaseUrl: auth.databaseUrl,
    baseUrl: config.publicUrl,
    secret: auth.secret,
    trustedOrigins: authorizedParties,
    log: (reason) => log.warn('local accounts', { reason }),
  });
  return {
    issuer,
    verify: createVerifier({ jwtKey: issuer.verificationKey, issuer: issuer.issuer, authorizedParties }),
  };
}

function listen(server: Server, config: ApiConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whatever `work` does, at most `ms` of it are waited for. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), limit]);
  clearTimeout(timer);
}
