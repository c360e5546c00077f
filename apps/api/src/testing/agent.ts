import { once } from 'node:events';
import {
  type Http2Session,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2';
import { type TunnelVerdict, tunnelProtocol } from '@claw-cloud/contracts';
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
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const [first] = (await once(socket, 'message')) as [Buffer];
  const challenge = JSON.parse(first.toString()) as { nonce: string; audience: string };
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
