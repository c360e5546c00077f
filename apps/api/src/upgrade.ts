import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ownerChannelProtocol,
  ProductError,
  relayMessageLimitBytes,
  supportProtocol,
  tunnelProtocol,
} from '@claw-cloud/contracts';
import { WebSocketServer } from 'ws';
import type { Channels } from './channel/channels.ts';
import { clientAddress } from './http/client-address.ts';
import { problemBody, problemType } from './http/problem.ts';
import { type RateLimiter, tooMany } from './http/rate-limit.ts';
import { describeError, type Log } from './log.ts';
import type { Supports } from './support/supports.ts';
import type { Tunnels } from './tunnel/tunnels.ts';

export interface UpgradeOptions {
  readonly tunnels: Tunnels;
  readonly channels: Channels;
  readonly supports: Supports;
  readonly limiter: RateLimiter;
  readonly log: Log;
  readonly allowedOrigins: readonly string[];
  /** Hosts under which machines may dial; the first is meant where a proxy in front hides which it was. */
  readonly machineHosts: readonly string[];
  readonly trustedProxyHops: number;
}

/** The agent writes HTTP/2 in pieces; a message far above their size is no HTTP/2. */
const tunnelMessageLimitBytes = 4 * 1024 * 1024;
const channelPath = /^\/v1\/instances\/([^/?]{1,64})\/channel$/;
const supportPath = /^\/v1\/support\/([^/?]{1,64})$/;

/** Whether a request is one for {@link serveUpgrades}; any other is answered as a plain request. */
export function wantsWebSocket(request: IncomingMessage): boolean {
  const path = pathOf(request);
  return (
    request.method === 'GET' &&
    request.headers.upgrade?.toLowerCase() === 'websocket' &&
    (path === '/v1/tunnel' || channelPath.test(path) || supportPath.test(path))
  );
}

/** Takes the api's three WebSockets: a tunnel, an owner's channel, a supporter's connection. None is ever compressed. */
export function serveUpgrades(server: Server, options: UpgradeOptions): void {
  const { tunnels, channels, supports, limiter, log, allowedOrigins, machineHosts, trustedProxyHops } =
    options;
  const accept = (protocol: string, maxPayload: number) =>
    new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload,
      handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
    });
  const tunnelSockets = accept(tunnelProtocol, tunnelMessageLimitBytes);
  const channelSockets = accept(ownerChannelProtocol, relayMessageLimitBytes);
  const supportSockets = accept(supportProtocol, relayMessageLimitBytes);

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const requestId = randomUUID();
    const path = pathOf(request);
    const grantId = supportPath.exec(path)?.[1];
    const address = clientAddress(request, trustedProxyHops);
    const wait =
      limiter.take('upgrade', address) ?? (grantId === undefined ? null : limiter.take('support', address));
    if (wait !== null) {
      const { error, headers } = tooMany(wait);
      return refuse(socket, error, requestId, headers);
    }
    const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const wanted = path === '/v1/tunnel' ? tunnelProtocol : grantId ? supportProtocol : ownerChannelProtocol;
    if (!protocols.includes(wanted))
      return refuse(
        socket,
        new ProductError('invalid_request', 'The WebSocket subprotocol is missing.', `Offer ${wanted}.`),
        requestId,
      );

    if (path === '/v1/tunnel')
      return tunnelSockets.handleUpgrade(request, socket, head, (opened) => {
        // The machine compares it with what it has dialled. It is one of ours, whatever the request says.
        const audience = machineHosts.find((host) => host === request.headers.host) ?? machineHosts[0] ?? '';
        void tunnels.accept(opened, audience);
      });

    // A page of another site may open a WebSocket here, but it can't lie about where it comes from.
    const { origin } = request.headers;
    if (origin !== undefined && !allowedOrigins.includes(origin))
      return refuse(
        socket,
        new ProductError(
          'forbidden',
          'Chat from this page is not allowed.',
          `Open the dashboard at ${allowedOrigins[0]}.`,
        ),
        requestId,
      );
    if (grantId !== undefined) {
      const admission = await supports.admit(grantId, protocols, requestId);
      let opened = false;
      supportSockets.handleUpgrade(request, socket, head, (webSocket) => {
        opened = true;
        supports.open(webSocket, admission);
      });
      if (!opened) supports.abandon(admission);
      return;
    }
    const instanceId = channelPath.exec(path)?.[1] ?? '';
    const admission = await channels.admit(instanceId, protocols, requestId);
    let opened = false;
    channelSockets.handleUpgrade(request, socket, head, (webSocket) => {
      opened = true;
      channels.open(webSocket, instanceId, admission);
    });
    if (!opened) channels.abandon(admission);
  };

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    upgrade(request, socket, head).catch((error: unknown) => {
      log.error('upgrade failed', describeError(error));
      socket.destroy();
    });
  });
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? '';

/** Answers an upgrade that doesn't happen, in plain HTTP. */
function refuse(
  socket: Duplex,
  error: ProductError,
  requestId: string,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(problemBody(error, requestId));
  const lines = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    'Connection: close',
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
