import http2 from 'node:http2';
import {
  type ErrorCode,
  errorCatalogue,
  TunnelAnswer,
  TunnelChallenge,
  TunnelVerdict,
  tunnelProtocol,
} from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { type Identity, signTunnelChallenge } from '@claw-cloud/crypto/signing';
import { WebSocket } from 'ws';
import { createBackoff, pause } from '../backoff.ts';
import type { Log } from '../log.ts';
import { agentVersion } from '../version.ts';
import { createSocketDuplex, type SocketDuplex } from './socket-duplex.ts';

export interface TunnelOptions {
  controlPlaneUrl: string;
  instanceId: string;
  /** Asked before each dial: the identity the control plane knows, then a newer one it may know already. */
  identities: () => readonly [Identity, ...Identity[]];
  /** The control plane has taken this one for the instance's. */
  onProven?: (identity: Identity) => void;
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;
  log: Log;
  signal: AbortSignal;
  random?: () => number;
  /** First wait after an attempt that failed, doubling to a minute, full jitter. @default 2000 */
  retryBaseMs?: number;
  /** Within which the first attempt after a lost tunnel comes: many are lost at once. @default 8000 */
  lossSpreadMs?: number;
  /** Wait after a refusal that no repetition mends. @default two minutes */
  refusedRetryMs?: number;
  /** How often the other end is asked whether it is there. @default 20000 */
  pingMs?: number;
}

/** The control plane wants no tunnel of this instance now, and has said so. */
class TunnelRefused extends Error {
  readonly code: string;
  /** When it may be asked again; null where it didn't say. */
  readonly retryAfterMs: number | null;
  constructor(code: string, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

const mayPass = (code: string): boolean =>
  Object.hasOwn(errorCatalogue, code) && errorCatalogue[code as ErrorCode].retryable;

const stableAfterMs = 30_000;
const handshakeLimitMs = 20_000;
/** More than the api's message limit, so that a message of the owner channel never waits for a window update. */
const streamWindowBytes = 2 * 1024 * 1024;

async function answerChallenge(
  wire: SocketDuplex,
  socket: WebSocket,
  { instanceId, controlPlaneUrl }: TunnelOptions,
  identity: Identity,
): Promise<number> {
  const first = JSON.parse(await wire.nextText());
  // An api at its limit asks nothing: it refuses at once.
  const turnedAway = TunnelVerdict.safeParse(first);
  if (turnedAway.success) throw refusedBy(turnedAway.data);
  const challenge = TunnelChallenge.parse(first);
  // Who asks in another's name would use the signature there.
  if (challenge.audience !== new URL(controlPlaneUrl).host) {
    throw new TunnelRefused(
      'audience',
      `the challenge is for ${challenge.audience.slice(0, 100)}, not for this control plane`,
    );
  }
  const nonce = fromBase64Url(challenge.nonce);
  const signature = signTunnelChallenge(identity.privateKey, {
    instanceId,
    nonce,
    audience: challenge.audience,
  });
  socket.send(
    JSON.stringify(TunnelAnswer.parse({ type: 'answer', instanceId, signature: toBase64Url(signature) })),
  );
  const verdict = TunnelVerdict.parse(JSON.parse(await wire.nextText()));
  if (verdict.type === 'welcome') return verdict.epoch;
  throw refusedBy(verdict);
}

function refusedBy(verdict: TunnelVerdict): TunnelRefused {
  if (verdict.type === 'welcome') return new TunnelRefused('invalid_request', 'welcomed without a proof');
  const reason = `${verdict.code}: ${verdict.message} ${verdict.fix}`.slice(0, 500);
  return new TunnelRefused(verdict.code, reason, verdict.retryAfterMs ?? null);
}

/** Ends a socket whose other end has gone without a word. */
function keepAlive(socket: WebSocket, pingMs: number): () => void {
  let alive = true;
  const heard = () => {
    alive = true;
  };
  socket.on('pong', heard);
  socket.on('message', heard);
  const timer = setInterval(() => {
    // Paused by a slow reader, it hears no pong either.
    if (!alive && !socket.isPaused) return socket.terminate();
    alive = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, pingMs);
  return () => clearInterval(timer);
}

/** One tunnel, from dialling to its end; resolves with how long it served. */
async function serveOnce(options: TunnelOptions, identity: Identity): Promise<number> {
  const { controlPlaneUrl, signal, log, pingMs = 20_000 } = options;
  const socket = new WebSocket(`${controlPlaneUrl.replace(/^http/, 'ws')}/v1/tunnel`, tunnelProtocol, {
    perMessageDeflate: false,
    handshakeTimeout: handshakeLimitMs,
    maxPayload: 4 * 1024 * 1024,
    headers: { 'user-agent': `claw-agent/${agentVersion}` },
  });
  const wire = createSocketDuplex(socket);
  const onAbort = () => socket.terminate();
  signal.addEventListener('abort', onAbort, { once: true });
  const limit = setTimeout(() => socket.terminate(), handshakeLimitMs);
  const stopPings = keepAlive(socket, pingMs);
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
  socket.once('close', () => onEnded());
  try {
    const epoch = await answerChallenge(wire, socket, options, identity);
    clearTimeout(limit);
    options.onProven?.(identity);
    log(`tunnel open, epoch ${epoch}`);
    const openedAt = performance.now();
    const session = http2.performServerHandshake(wire.duplex, {
      settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: 64, enablePush: false },
    });
    session.setLocalWindowSize(8 * streamWindowBytes);
    session.on('error', () => socket.terminate());
    session.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      options.onStream(stream, headers);
    });
    await ended;
    session.destroy();
    return performance.now() - openedAt;
  } finally {
    clearTimeout(limit);
    stopPings();
    signal.removeEventListener('abort', onAbort);
    socket.terminate();
  }
}

/**
 * Keeps the tunnel to the control plane until `signal` aborts: dials out, proves who it is, and serves
 * HTTP/2 over the socket. Comes back after a loss within seconds, then at most once a minute, everything by chance,
 * so that ten thousand that were cut off at once come back one after another; a refusal is tried again when the
 * control plane says, else every few minutes, for it may be mended there.
 */
export async function keepTunnel(options: TunnelOptions): Promise<void> {
  const { signal, log, retryBaseMs = 2000, lossSpreadMs = 8000, refusedRetryMs = 120_000 } = options;
  const { random = Math.random } = options;
  const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 60_000, random, jitter: 'full' });
  let attempt = 0;

  /** Milliseconds until the next dial after one that failed. */
  const waitAfter = (error: unknown): number => {
    if (!(error instanceof TunnelRefused)) return backoff.next();
    const { code, retryAfterMs } = error;
    // Its answer to a change of keys may have been lost: it knows the newer identity then.
    if (code === 'tunnel_signature_invalid') {
      attempt += 1;
      if (attempt % options.identities().length !== 0) return backoff.next();
    }
    // Not before, and not all of them in that very moment.
    if (retryAfterMs !== null) return retryAfterMs + Math.min(retryAfterMs / 4, 5000) * random();
    return mayPass(code) ? backoff.next() : refusedRetryMs * (0.5 + random() / 2);
  };

  while (!signal.aborted) {
    let waitMs: number;
    const identities = options.identities();
    try {
      const servedMs = await serveOnce(options, identities[attempt % identities.length] ?? identities[0]);
      if (signal.aborted) return;
      log(`tunnel lost after ${Math.round(servedMs / 1000)} s`);
      if (servedMs >= stableAfterMs) backoff.reset();
      // One that is lost again and again is retried like one that can't be had.
      waitMs =
        servedMs >= stableAfterMs
          ? lossSpreadMs * random()
          : Math.max(backoff.next(), lossSpreadMs * random());
    } catch (error) {
      if (signal.aborted) return;
      log(`no tunnel: ${error instanceof Error ? error.message : 'unknown reason'}`);
      waitMs = waitAfter(error);
    }
    await pause(waitMs, signal).catch(() => undefined);
  }
}
