import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

const ConnectParams = z.object({
  client: z.object({ id: z.string(), mode: z.string(), platform: z.string() }),
  role: z.string(),
  scopes: z.array(z.string()),
  caps: z.array(z.string()),
  auth: z.object({ token: z.string() }),
  device: z
    .object({
      id: z.string(),
      publicKey: z.string(),
      signature: z.string(),
      signedAt: z.number(),
      nonce: z.string(),
    })
    .optional(),
});
type ConnectParams = z.infer<typeof ConnectParams>;
export interface GatewayRequest {
  type: 'req';
  id: string;
  method: string;
  params: Record<string, unknown>;
}

export interface FakeGateway {
  port: number;
  token: string;
  connects: ConnectParams[];
  requests: GatewayRequest[];
  /** Sends an event, or any text, to everybody who signed in. */
  emit(frame: object): void;
  sockets(): WebSocket[];
  /** What a request is answered with; echoes its parameters by default. */
  answer: (request: GatewayRequest) => object | null;
  grant: (scopes: string[]) => string[];
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** OpenClaw's gateway as far as the agent speaks with it: ready, signs in for real, then echoes; for tests. */
export async function startFakeGateway(
  options: { port?: number; token?: string; version?: string } = {},
): Promise<FakeGateway> {
  let listener: http.Server;
  let server: WebSocketServer;
  const ready = new Set<WebSocket>();

  const signIn = (params: ConnectParams, nonce: string, ts: number): string | null => {
    const { client, role, scopes, auth, device } = params;
    if (auth.token !== gateway.token) return 'AUTH_TOKEN_MISMATCH';
    if (!device) return null;
    const text = [
      'v3',
      device.id,
      client.id,
      client.mode,
      role,
      scopes.join(','),
      ts,
      auth.token,
      nonce,
      client.platform,
      '',
    ].join('|');
    const spki = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(device.publicKey, 'base64url'),
    ]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return verify(null, Buffer.from(text), key, Buffer.from(device.signature, 'base64url'))
      ? null
      : 'DEVICE_SIGNATURE_INVALID';
  };

  const onSocket = (socket: WebSocket): void => {
    const nonce = 'nonce-1';
    const ts = 1_795_193_681_723;
    socket.on('error', () => undefined);
    socket.on('close', () => ready.delete(socket));
    socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce, ts } }));
    socket.on('message', (data) => {
      const request = JSON.parse(data.toString()) as GatewayRequest;
      const reply = (body: object) => socket.send(JSON.stringify({ type: 'res', id: request.id, ...body }));
      if (ready.has(socket)) {
        gateway.requests.push(request);
        const payload = gateway.answer(request);
        if (payload) reply({ ok: true, payload });
        return;
      }
      const params = ConnectParams.parse(request.params);
      const refused = signIn(params, nonce, ts);
      if (refused) return reply({ ok: false, error: { code: refused, message: refused } });
      gateway.connects.push(params);
      ready.add(socket);
      reply({
        ok: true,
        payload: {
          type: 'hello-ok',
          server: { version: options.version ?? '2026.9.6' },
          auth: { scopes: gateway.grant(params.scopes) },
          policy: {},
        },
      });
    });
  };

  const start = async (port: number): Promise<void> => {
    listener = http.createServer((request, response) =>
      response.writeHead(request.url === '/readyz' ? 200 : 404).end(),
    );
    server = new WebSocketServer({ server: listener, maxPayload: 26 * 2 ** 20 });
    server.on('connection', onSocket);
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };

  const gateway: FakeGateway = {
    port: 0,
    token: options.token ?? 'gateway-token',
    connects: [],
    requests: [],
    emit(frame) {
      const text = JSON.stringify(frame);
      for (const socket of ready) socket.send(text);
    },
    sockets: () => [...ready],
    answer: ({ params }) => params,
    grant: (scopes) => scopes,
    async stop() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      listener.closeAllConnections();
      listener.close();
      await once(listener, 'close');
    },
    start: () => start(gateway.port),
  };
  await start(options.port ?? 0);
  gateway.port = (listener!.address() as AddressInfo).port;
  return gateway;
}
