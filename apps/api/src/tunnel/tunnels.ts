import { randomBytes } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeCodes, type InstanceHealth, ProductError, type TunnelVerdict } from '@claw-cloud/contracts';
import { WebSocket } from 'ws';
import { describeError, type Log } from '../log.ts';
import { SocketEnd, socketDuplex } from '../socket/duplex.ts';
import type { KeepAlive } from '../socket/keep-alive.ts';
import { createAdmission } from './admission.ts';
import { awaitReady } from './health.ts';
import { type ProvenInstance, proveInstance } from './proof.ts';

export interface Tunnel {
  readonly instanceId: string;
  /** Counts the tunnels of an instance, whatever api they end at. */
  readonly epoch: number;
  /** HTTP/2 with the agent as the server. */
  readonly session: ClientHttp2Session;
  /** The key whose holder is at the other end; it changes when that one names a new key of its own. */
  readonly proof: { identityPublicKey: string };
  close(code: number, reason: string): Promise<void>;
}

export interface TunnelsOptions {
  readonly keepAlive: KeepAlive;
  readonly log: Log;
  readonly identityKey: (instanceId: string) => Promise<string | null>;
  /** Notes in the database that the tunnel ends here; resolves with its epoch. */
  readonly attach: (instanceId: string) => Promise<number>;
  readonly detach: (instanceId: string, epoch: number) => Promise<void>;
  readonly markReady: (instanceId: string, health: InstanceHealth) => Promise<void>;
  /** Begins what goes on through a tunnel for as long as it lives; the signal aborts at its end. */
  readonly serve: (tunnel: Tunnel, ended: AbortSignal) => void;
  /** @default 10000 */
  readonly answerTimeoutMs?: number;
}

export interface Tunnels {
  /** Takes a socket that has just opened to the host `audience`: challenge, answer, verdict, then HTTP/2. */
  accept(socket: WebSocket, audience: string): Promise<void>;
  get(instanceId: string): Tunnel | undefined;
  all(): Iterable<Tunnel>;
  size(): number;
  /** Closes every tunnel and notes that; agents dial another api. */
  closeAll(): Promise<void>;
}

/**
 * What an instance may send before this side has read it: per stream more than the relay's largest message, and a few
 * streams' worth in all, so that a browser that reads nothing costs 8 MiB at most.
 */
const streamWindowBytes = 2 * 1024 * 1024;
const sessionWindowBytes = 8 * 1024 * 1024;
const markReadyAttempts = 8;

/** The api's ends of the tunnels that end in this process, at most one per instance. */
export function createTunnels(options: TunnelsOptions): Tunnels {
  const { keepAlive, log, identityKey, attach, detach, markReady, serve, answerTimeoutMs = 10_000 } = options;
  const live = new Map<string, Tunnel>();
  const admit = createAdmission({ now: () => performance.now(), random: Math.random });

  const refuse = (socket: WebSocket, error: unknown, retryAfterMs?: number) => {
    const known =
      error instanceof ProductError
        ? error
        : new ProductError(
            'unavailable',
            'The control plane can not take the tunnel now.',
            'The agent tries again by itself.',
          );
    log.warn('tunnel refused', error instanceof ProductError ? { reason: known.code } : describeError(error));
    if (socket.readyState !== WebSocket.OPEN) return;
    const { code, message, fix } = known;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    socket.send(JSON.stringify({ type: 'refused', code, message, fix, ...wait } satisfies TunnelVerdict));
    socket.close(code === 'unavailable' ? closeCodes.internal : closeCodes.refused, code);
  };

  const tellReady = async (
    instanceId: string,
    epoch: number,
    session: ClientHttp2Session,
    signal: AbortSignal,
  ) => {
    const health = await awaitReady(session, signal);
    for (let attempt = 1; health && !signal.aborted && attempt <= markReadyAttempts; attempt += 1) {
      try {
        await markReady(instanceId, health);
        return log.info('instance ready', { instanceId, epoch });
      } catch (error) {
        log.warn('instance ready, not noted', { instanceId, epoch, ...describeError(error) });
        await sleep(250 * 2 ** attempt, undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const open = (socket: WebSocket, { instanceId, identityPublicKey }: ProvenInstance, epoch: number) => {
    // From here to the end of the function nothing is awaited: the agent's first bytes follow our welcome.
    const duplex = socketDuplex(socket);
    duplex.on('error', () => undefined);
    socket.send(JSON.stringify({ type: 'welcome', epoch } satisfies TunnelVerdict));
    const session = connect(`http://${instanceId.replaceAll('_', '-')}`, {
      createConnection: () => duplex,
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    });
    session.once('connect', () => session.setLocalWindowSize(sessionWindowBytes));
    const ended = new AbortController();
    session.on('error', () => undefined);
    session.once('close', () => duplex.destroy());

    let detached: Promise<void> | undefined;
    const end = (): Promise<void> => {
      detached ??= detach(instanceId, epoch).catch((error: unknown) =>
        log.warn('tunnel not detached', { instanceId, epoch, ...describeError(error) }),
      );
      ended.abort();
      if (live.get(instanceId) === tunnel) live.delete(instanceId);
      if (!session.destroyed) session.destroy();
      return detached;
    };
    const tunnel: Tunnel = {
      instanceId,
      epoch,
      session,
      proof: { identityPublicKey },
      close(code, reason) {
        duplex.destroy(new SocketEnd(code, reason));
        return end();
      },
    };
    socket.once('close', (code) => {
      log.info('tunnel closed', { instanceId, epoch, reason: String(code) });
      void end();
    });

    const other = live.get(instanceId);
    if (other && other.epoch > epoch) return void tunnel.close(closeCodes.replaced, 'replaced');
    live.set(instanceId, tunnel);
    void other?.close(closeCodes.replaced, 'replaced');
    keepAlive.watch(socket);
    log.info('tunnel open', { instanceId, epoch });
    void tellReady(instanceId, epoch, session, ended.signal);
    serve(tunnel, ended.signal);
  };

  return {
    get: (instanceId) => live.get(instanceId),
    all: () => live.values(),
    size: () => live.size,

    async accept(socket, audience) {
      socket.on('error', () => undefined);
      const admission = admit();
      if (!admission.admitted)
        return refuse(
          socket,
          new ProductError(
            'unavailable',
            'Too many tunnels are opening.',
            'The agent tries again by itself.',
          ),
          admission.retryAfterMs,
        );
      try {
        const proven = await proveInstance(socket, {
          audience,
          identityKey,
          randomBytes: (size) => randomBytes(size),
          timeoutMs: answerTimeoutMs,
        });
        const epoch = await attach(proven.instanceId);
        if (socket.readyState === WebSocket.OPEN) open(socket, proven, epoch);
        else await detach(proven.instanceId, epoch);
      } catch (error) {
        refuse(socket, error);
      } finally {
        admission.done();
      }
    },

    async closeAll() {
      await Promise.all([...live.values()].map((tunnel) => tunnel.close(closeCodes.goingAway, 'restarting')));
    },
  };
}
