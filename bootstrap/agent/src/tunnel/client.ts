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
  identity: Identity;
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;
  log: Log;
  signal: AbortSignal;
  random?: () => number;
  /** @default 500 */
  retryBaseMs?: number;
  /** Wait after a refusal that no repetition mends. @default two minutes */
  refusedRetryMs?: number;
  /** How often the other end is asked whether it is there. @default 20000 */
  pingMs?: number;
}

/** The control plane wants no tunnel of this instance, and will not soon. */
class TunnelRefused extends Error {}

const mayPass = (code: string): boolean =>
  Object.hasOwn(errorCatalogue, code) && errorCatalogue[code as ErrorCode].retryable;

const stableAfterMs = 30_000;
const handshakeLimitMs = 20_000;
/** More than the api's message limit, so that a message of the owner channel never waits for a window update. */
const streamWindowBytes = 2 * 1024 * 1024;

async function answerChallenge(
  wire: SocketDuplex,
  socket: WebSocket,
  options: TunnelOptions,
): Promise<number> {
  const { instanceId, identity, controlPlaneUrl } = options;
  const challenge = TunnelChallenge.parse(JSON.parse(await wire.nextText()));
  // Who asks in another's name would use the signature there.
  if (challenge.audience !== new URL(controlPlaneUrl).host) {
    throw new TunnelRefused(
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
  const reason = `${verdict.code}: ${verdict.message} ${verdict.fix}`.slice(0, 500);
  throw mayPass(verdict.code) ? new Error(reason) : new TunnelRefused(reason);
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
async function serveOnce(options: TunnelOptions): Promise<number> {
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
    const epoch = await answerChallenge(wire, socket, options);
    clearTimeout(limit);
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
 * HTTP/2 over the socket. Comes back after a loss, first soon, then at most once a minute, with jitter; a
 * refusal is logged and tried again every few minutes, for it may be mended there.
 */
export async function keepTunnel(options: TunnelOptions): Promise<void> {
  const { signal, log, retryBaseMs = 500, refusedRetryMs = 120_000, random = Math.random } = options;
  const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 60_000, random });
  while (!signal.aborted) {
    let waitMs: number | undefined;
    try {
      const servedMs = await serveOnce(options);
      if (servedMs >= stableAfterMs) backoff.reset();
      if (!signal.aborted) log(`tunnel lost after ${Math.round(servedMs / 1000)} s`);
    } catch (error) {
      if (signal.aborted) return;
      log(`no tunnel: ${error instanceof Error ? error.message : 'unknown reason'}`);
      if (error instanceof TunnelRefused) waitMs = refusedRetryMs * (0.5 + random() / 2);
    }
    await pause(waitMs ?? backoff.next(), signal).catch(() => undefined);
  }
}
