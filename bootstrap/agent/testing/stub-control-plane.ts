import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { RegisterInstance, ReportPhase, TunnelAnswer, tunnelProtocol } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { verifyTunnelChallenge } from '@claw-cloud/crypto/signing';
import { type WebSocket, WebSocketServer } from 'ws';
import { createSocketDuplex } from '../src/tunnel/socket-duplex.ts';

export interface StubOptions {
  /** Where `<sha256>.mjs` lie; nothing is served without. */
  bundleDir?: string;
  token: string;
  /** @default the host it was asked at */
  audience?: string;
  /** What registering answers instead of taking the keys. */
  refuseRegistration?: () => { status: number; code: string } | null;
  /** What the tunnel's verdict says instead of welcome. */
  refuseTunnel?: () => { code: string; message: string; fix: string; retryAfterMs?: number } | null;
  /** Refuses before it asks for a proof, as an api at its limit does. */
  refuseAtTheDoor?: () => boolean;
}

export interface StubControlPlane {
  url: string;
  phases: ReportPhase[];
  registered: () => RegisterInstance | null;
  requests: string[];
  /** The current tunnel's HTTP/2 session, or the next one's. */
  tunnel(limitMs?: number): Promise<http2.ClientHttp2Session>;
  /** Cuts the current tunnel's socket. */
  cutTunnel(): void;
  /** Leaves the current tunnel's socket open and hears nothing of it any more. */
  freezeTunnel(): void;
  tunnels: () => number;
  close(): Promise<void>;
}

/** The machine side of the control plane, as little of it as an agent needs; for tests. */
export async function startStubControlPlane(options: StubOptions): Promise<StubControlPlane> {
  const phases: ReportPhase[] = [];
  const requests: string[] = [];
  let registered: RegisterInstance | null = null;
  let session: http2.ClientHttp2Session | null = null;
  let current: WebSocket | null = null;
  let wire: Duplex | null = null;
  let tunnels = 0;
  const waiting: ((session: http2.ClientHttp2Session) => void)[] = [];

  const server = http.createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const problem = (status: number, code: string) => {
      response.writeHead(status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code, detail: 'The stub says no.', fix: 'Nothing.' }));
    };
    const agent = /^\/v1\/agent\/([0-9a-f]{64})$/.exec(request.url ?? '')?.[1];
    if (agent && options.bundleDir) {
      const file = join(options.bundleDir, `${agent}.mjs`);
      if (!existsSync(file)) return problem(404, 'not_found');
      response.writeHead(200);
      createReadStream(file).pipe(response);
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.headers.authorization !== `Bearer ${options.token}`)
      return problem(401, 'registration_token_invalid');
    if (request.url === '/v1/bootstrap/phases' && !registered) {
      phases.push(ReportPhase.parse(JSON.parse(body)));
      response.writeHead(204).end();
    } else if (request.url === '/v1/bootstrap/register') {
      const refusal = options.refuseRegistration?.();
      if (refusal) return problem(refusal.status, refusal.code);
      if (registered) return problem(409, 'registration_replayed');
      registered = RegisterInstance.parse(JSON.parse(body));
      response.writeHead(204).end();
    } else problem(404, 'not_found');
  });

  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: () => tunnelProtocol,
  });
  const takeTunnel = async (socket: WebSocket, audience: string): Promise<void> => {
    const atTheDoor = options.refuseAtTheDoor?.() ? options.refuseTunnel?.() : null;
    if (atTheDoor) {
      tunnels += 1;
      socket.send(JSON.stringify({ type: 'refused', ...atTheDoor }));
      return socket.close(4403);
    }
    const wire = createSocketDuplex(socket);
    const nonce = new Uint8Array(randomBytes(32));
    socket.send(JSON.stringify({ type: 'challenge', nonce: toBase64Url(nonce), audience }));
    const answer = TunnelAnswer.parse(JSON.parse(await wire.nextText()));
    const key = registered ? fromBase64Url(registered.identityPublicKey) : new Uint8Array(32);
    const proven = verifyTunnelChallenge(
      key,
      { instanceId: answer.instanceId, nonce, audience },
      fromBase64Url(answer.signature),
    );
    const refusal = proven
      ? options.refuseTunnel?.()
      : { code: 'tunnel_signature_invalid', message: 'Wrong key.', fix: 'None.' };
    tunnels += 1;
    if (refusal) {
      socket.send(JSON.stringify({ type: 'refused', ...refusal }));
      return socket.close(4403);
    }
    socket.send(JSON.stringify({ type: 'welcome', epoch: tunnels }));
    // As the api does: the newest tunnel is the one, and the one before ends, if it hasn't noticed yet.
    session?.destroy();
    if (current !== socket) current?.terminate();
    current = socket;
    const made = http2.connect('http://agent', { createConnection: () => wire.duplex });
    session = made;
    made.on('error', () => undefined);
    made.on('close', () => {
      if (session === made) session = null;
    });
    for (const resolve of waiting.splice(0)) resolve(made);
  };
  server.on('upgrade', (request, socket, head) => {
    // As the api: another address is nobody's.
    if (request.url !== '/v1/tunnel') {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    requests.push(`UPGRADE ${request.url}`);
    wire = socket;
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined);
      takeTunnel(ws, options.audience ?? request.headers.host ?? '').catch(() => ws.terminate());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    phases,
    requests,
    registered: () => registered,
    tunnels: () => tunnels,
    cutTunnel: () => current?.terminate(),
    freezeTunnel: () => wire?.pause(),
    tunnel(limitMs = 60_000) {
      if (session && !session.closed && !session.destroyed) return Promise.resolve(session);
      const { promise, resolve, reject } = Promise.withResolvers<http2.ClientHttp2Session>();
      const timer = setTimeout(() => reject(new Error('no tunnel came')), limitMs);
      waiting.push((made) => {
        clearTimeout(timer);
        resolve(made);
      });
      return promise;
    },
    async close() {
      session?.destroy();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
