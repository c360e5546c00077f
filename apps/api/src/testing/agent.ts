import { once } from 'node:events';
import {
  type Http2Session,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2';
import { type InstanceReport, newId, type TunnelVerdict, tunnelProtocol } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { type Identity, signTunnelChallenge } from '@claw-cloud/crypto/signing';
import { WebSocket } from 'ws';
import { socketDuplex } from '../socket/duplex.ts';

export interface TestAgent {
  readonly verdict: TunnelVerdict;
  /** How the socket was closed, once it is. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly session: Http2Session | undefined;
  close(): void;
}

export interface TestAgentOptions {
  readonly url: string;
  readonly instanceId: string;
  readonly identity: Identity;
  /** The host header of the request, where it isn't that of the url. */
  readonly host?: string;
  readonly onChallenge?: (challenge: { audience: string }) => void;
  readonly onStream?: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  /** Replaces the answer to the challenge; null says nothing. */
  readonly answer?: (challenge: { nonce: string; audience: string }) => string | Buffer | null;
}

export const healthy = JSON.stringify({
  agentVersion: '1.0.0',
  openclawVersion: '2.0.0',
  gateway: 'ready',
  uptimeSeconds: 1,
});

/** Dials a tunnel as an instance does: proves itself, then serves HTTP/2 over the socket. */
export async function dialTunnel(options: TestAgentOptions): Promise<TestAgent> {
  const { url, instanceId, identity, onStream = serveHealth } = options;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/tunnel`, tunnelProtocol, {
    perMessageDeflate: false,
    ...(options.host === undefined ? {} : { headers: { host: options.host } }),
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const [first] = (await once(socket, 'message')) as [Buffer];
  const challenge = JSON.parse(first.toString()) as { nonce: string; audience: string };
  options.onChallenge?.(challenge);
  const signature = signTunnelChallenge(identity.privateKey, {
    instanceId,
    nonce: fromBase64Url(challenge.nonce),
    audience: challenge.audience,
  });
  const answer = options.answer
    ? options.answer(challenge)
    : JSON.stringify({ type: 'answer', instanceId, signature: toBase64Url(signature) });
  // HTTP/2 follows right behind the verdict: the stream must be there in the turn in which the verdict is heard.
  const { promise, resolve } = Promise.withResolvers<{
    verdict: TunnelVerdict;
    session: Http2Session | undefined;
  }>();
  socket.once('message', (text: Buffer) => {
    const verdict = JSON.parse(text.toString()) as TunnelVerdict;
    resolve({ verdict, session: verdict.type === 'welcome' ? serve(socket, onStream) : undefined });
  });
  if (answer !== null) socket.send(answer);
  const { verdict, session } = await promise;
  return { verdict, closed, session, close: () => socket.close() };
}

function serve(socket: WebSocket, onStream: NonNullable<TestAgentOptions['onStream']>): Http2Session {
  const session = performServerHandshake(socketDuplex(socket), {
    settings: { initialWindowSize: 2 * 1024 * 1024 },
  });
  session.on('error', () => undefined);
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  return session;
}

/** Answers GET /health, and nothing else. */
export function serveHealth(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const known = headers[':path'] === '/health';
  stream.respond({ ':status': known ? 200 : 404, 'content-type': 'application/json' });
  stream.end(known ? healthy : '{}');
}

/** Answers GET /health, and says at POST /owner back what it hears. */
export function serveEcho(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  if (headers[':path'] === '/owner') {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  } else serveHealth(stream, headers);
}

export interface TestReporter {
  readonly onStream: NonNullable<TestAgentOptions['onStream']>;
  /** Resolves with the number of the line once it is written on an open stream. */
  send(report: InstanceReport, id?: string): Promise<number>;
  /** Writes these bytes as they are. */
  write(bytes: string | Buffer): Promise<void>;
  /** The highest number acknowledged on the present stream. */
  acknowledged(): number;
  /** Streams of reports that were opened, and those that were closed again. */
  counts(): { opened: number; closed: number };
  /** Bodies of `POST /release-offer`. */
  readonly offers: unknown[];
  /** Times of `POST /gateway/restart`. */
  restarts(): number;
}

/** The agent's side of reports, release offers and restarts; anything else is health. `restartStatus` answers restarts. */
export function createReporter(restartStatus = 202): TestReporter {
  let current = Promise.withResolvers<ServerHttp2Stream>();
  let n = 0;
  let acknowledged = 0;
  let restarts = 0;
  const counts = { opened: 0, closed: 0 };
  const offers: unknown[] = [];
  const read = async (stream: ServerHttp2Stream) => {
    const parts: Buffer[] = [];
    for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  return {
    offers,
    restarts: () => restarts,
    counts: () => ({ ...counts }),
    acknowledged: () => acknowledged,
    onStream(stream, headers) {
      const path = headers[':path'];
      if (path === '/reports') {
        counts.opened += 1;
        n = 0;
        acknowledged = 0;
        stream.respond({ ':status': 200 });
        let text = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
            acknowledged = (JSON.parse(text.slice(0, end)) as { ack: number }).ack;
            text = text.slice(end + 1);
          }
        });
        stream.once('close', () => {
          counts.closed += 1;
          current = Promise.withResolvers();
        });
        current.resolve(stream);
      } else if (path === '/release-offer') {
        void read(stream).then((body) => {
          offers.push(JSON.parse(body));
          stream.respond({ ':status': 204 }, { endStream: true });
        });
      } else if (path === '/gateway/restart') {
        restarts += 1;
        stream.respond({ ':status': restartStatus }, { endStream: true });
      } else serveHealth(stream, headers);
    },
    async send(report, id = newId('grant').slice(4)) {
      const stream = await current.promise;
      n += 1;
      stream.write(`${JSON.stringify({ n, id, at: new Date().toISOString(), report })}\n`);
      return n;
    },
    async write(bytes) {
      (await current.promise).write(bytes);
    },
  };
}
