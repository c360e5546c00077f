import { sign } from 'node:crypto';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { GatewayDevice } from '../keys.ts';
import { messageBytes } from '../message-bytes.ts';
import { agentVersion } from '../version.ts';

/** What OpenClaw takes at once after its hello, and so what is read from it at once. */
export const gatewayMessageLimitBytes = 26 * 1024 * 1024;

const Challenge = z.object({
  type: z.literal('event'),
  event: z.literal('connect.challenge'),
  payload: z.object({ nonce: z.string().max(200), ts: z.number() }),
});
const GatewayError = z.object({
  code: z.string().default('UNKNOWN'),
  message: z.string().default('OpenClaw gave no reason'),
  retryable: z.boolean().optional(),
});
const Response = z.object({
  type: z.literal('res'),
  id: z.string(),
  ok: z.boolean(),
  payload: z.unknown().optional(),
  error: GatewayError.optional(),
});
const Hello = z.looseObject({
  server: z.looseObject({ version: z.string() }),
  auth: z.looseObject({ scopes: z.array(z.string()) }),
});
export type Hello = z.infer<typeof Hello>;

/** An error OpenClaw's gateway answered with. */
export interface GatewayRefusal extends Error {
  code: string;
}

const refusal = ({ code, message }: z.infer<typeof GatewayError>): GatewayRefusal =>
  Object.assign(new Error(message.slice(0, 500)), { code });

export interface GatewayConnection {
  hello: Hello;
  /** The raw socket, signed in: for a relay that passes frames on as they are. */
  socket: WebSocket;
  /** One request and its answer's payload. Raises a GatewayRefusal, or an Error on a time-out or a lost connection. */
  request(method: string, params: Record<string, unknown>, timeoutMs?: number): Promise<unknown>;
  close(): void;
}

export interface ConnectOptions {
  port: number;
  token: string;
  /** Null asks without a device of its own: enough to read how the gateway is. */
  device: GatewayDevice | null;
  scopes: readonly string[];
  caps: readonly string[];
  signal?: AbortSignal;
  /** Every frame after the hello, as text; the answers of `request` are among them. */
  onFrame?: (text: string) => void;
}

const client = { id: 'gateway-client', version: agentVersion, platform: 'linux', mode: 'backend' } as const;

/** OpenClaw's signed text, v3: scopes joined by commas, the last field (device family) empty. */
function signedConnect({ scopes, token }: ConnectOptions, device: GatewayDevice, nonce: string, ts: number) {
  const text = [
    'v3',
    device.id,
    client.id,
    client.mode,
    'operator',
    scopes.join(','),
    String(ts),
    token,
    nonce,
  ];
  const signature = sign(null, Buffer.from([...text, client.platform, ''].join('|')), device.privateKey);
  return {
    id: device.id,
    publicKey: device.publicKey,
    signature: signature.toString('base64url'),
    signedAt: ts,
    nonce,
  };
}

/**
 * Signs in to the gateway on loopback (protocol v4) as the agent's own device. Raises when it refuses,
 * isn't there, or takes longer than 15 s.
 */
export function connectGateway(options: ConnectOptions): Promise<GatewayConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<GatewayConnection>();
  const socket = new WebSocket(`ws://127.0.0.1:${options.port}/`, {
    maxPayload: gatewayMessageLimitBytes,
    perMessageDeflate: false,
    handshakeTimeout: 10_000,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const pending = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();
  let requests = 0;
  let signedIn = false;
  const limit = setTimeout(() => fail(new Error('OpenClaw did not answer the sign-in within 15 s')), 15_000);

  const fail = (error: Error): void => {
    clearTimeout(limit);
    reject(error);
    for (const waiting of pending.values()) waiting.reject(error);
    pending.clear();
    socket.terminate();
  };

  const request: GatewayConnection['request'] = (method, params, timeoutMs = 30_000) => {
    const { promise: answer, resolve: onValue, reject: onError } = Promise.withResolvers<unknown>();
    requests += 1;
    const id = `agent-${requests}`;
    const timer = setTimeout(() => {
      pending.delete(id);
      onError(new Error(`OpenClaw did not answer ${method} within ${Math.round(timeoutMs / 1000)} s`));
    }, timeoutMs);
    pending.set(id, { resolve: onValue, reject: onError });
    if (socket.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ type: 'req', id, method, params }));
    else onError(new Error('The connection to OpenClaw is closed'));
    return answer.finally(() => clearTimeout(timer));
  };

  const onHello = (payload: unknown): void => {
    const hello = Hello.safeParse(payload);
    if (!hello.success) return void fail(new Error('OpenClaw answered the sign-in with something else'));
    const missing = options.scopes.filter((scope) => !hello.data.auth.scopes.includes(scope));
    if (missing.length > 0)
      return void fail(new Error(`OpenClaw withheld ${missing.join(', ')} from the agent`));
    clearTimeout(limit);
    signedIn = true;
    resolve({ hello: hello.data, socket, request, close: () => socket.close() });
  };

  const onSignIn = (frame: unknown): void => {
    const challenge = Challenge.safeParse(frame);
    if (!challenge.success) return;
    const { nonce, ts } = challenge.data.payload;
    const params = {
      minProtocol: 4,
      maxProtocol: 4,
      client,
      role: 'operator',
      scopes: options.scopes,
      caps: options.caps,
      auth: { token: options.token },
      ...(options.device ? { device: signedConnect(options, options.device, nonce, ts) } : {}),
    };
    request('connect', params, 15_000).then(onHello, fail);
  };

  const settle = (frame: unknown): void => {
    const response = Response.safeParse(frame);
    if (!response.success) return;
    const waiting = pending.get(response.data.id);
    pending.delete(response.data.id);
    if (response.data.ok) waiting?.resolve(response.data.payload);
    else
      waiting?.reject(
        refusal(response.data.error ?? { code: 'UNKNOWN', message: 'OpenClaw gave no reason' }),
      );
  };

  socket.on('message', (data) => {
    const text = messageBytes(data).toString('utf8');
    if (signedIn) options.onFrame?.(text);
    // A relay asks nothing itself once signed in: no need to read each frame twice.
    if (signedIn && pending.size === 0) return;
    const frame: unknown = JSON.parse(text);
    if (!signedIn) onSignIn(frame);
    settle(frame);
  });
  socket.on('error', fail);
  socket.on('close', (code) => fail(new Error(`OpenClaw closed the connection (${code})`)));
  return promise;
}
