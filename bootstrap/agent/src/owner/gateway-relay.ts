import { z } from 'zod';
import { createBackoff, pause } from '../backoff.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import { connectGateway, type GatewayConnection } from '../openclaw/gateway-client.ts';

/** What an owner's chat needs, and no more: nothing of administration. */
export const ownerScopes = [
  'operator.read',
  'operator.write',
  'operator.approvals',
  'operator.questions',
] as const;
/** Without `approvals` OpenClaw takes a run for headless and denies every command that would be asked about. */
export const ownerCaps = ['tool-events', 'approvals'] as const;

/** Above this much waiting for the gateway, reading from the owner stops until it has drained. */
const congestedBytes = 4 * 1024 * 1024;

const Request = z.looseObject({
  type: z.enum(['req', 'res', 'event']),
  id: z.string().optional(),
  method: z.string().optional(),
});

export interface GatewayRelayOptions {
  gateway: Gateway;
  /** A frame for the owner, as the gateway wrote it. */
  onFrame: (frameJson: string) => void;
  onStatus: (
    status: 'connected' | 'disconnected',
    detail: { hello?: Record<string, unknown>; reason?: string },
  ) => void;
  /** The gateway takes too little (true) or enough again (false): stop or go on reading from the owner. */
  onCongestion: (congested: boolean) => void;
}

export interface GatewayRelay {
  /** A frame of the owner for the gateway. */
  send(frame: Record<string, unknown>): void;
  /** Stops or goes on reading from the gateway, for an owner who reads too slowly. */
  pause(): void;
  resume(): void;
  close(): void;
}

function errorResponse(id: string, code: string, message: string, retryable: boolean): string {
  return JSON.stringify({ type: 'res', id, ok: false, error: { code, message, retryable } });
}

/**
 * One owner channel's own connection to OpenClaw's gateway: signs in by itself, passes frames both ways as
 * they are, and comes back after the gateway restarted. The gateway enforces the scopes.
 */
export function createGatewayRelay(options: GatewayRelayOptions): GatewayRelay {
  const { gateway, onFrame, onStatus, onCongestion } = options;
  const closed = new AbortController();
  let connection: GatewayConnection | null = null;
  let congested = false;
  let paused = false;

  const setCongested = (next: boolean): void => {
    if (congested === next) return;
    congested = next;
    onCongestion(next);
  };

  const connectOnce = async (): Promise<void> => {
    const live = await connectGateway({
      port: gateway.port,
      token: gateway.token,
      device: gateway.device,
      scopes: ownerScopes,
      caps: ownerCaps,
      signal: closed.signal,
      onFrame,
    });
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    live.socket.once('close', () => resolve());
    if (closed.signal.aborted) return live.close();
    connection = live;
    if (paused) live.socket.pause();
    const { server, auth, features, policy, snapshot } = live.hello;
    onStatus('connected', { hello: { server, auth: { scopes: auth.scopes }, features, policy, snapshot } });
    await ended;
    connection = null;
    setCongested(false);
  };

  const keepConnected = async (): Promise<void> => {
    const backoff = createBackoff({ baseMs: 250, capMs: 5000 });
    while (!closed.signal.aborted) {
      let reason = 'OpenClaw restarts';
      const startedAt = performance.now();
      try {
        await connectOnce();
        if (performance.now() - startedAt > 10_000) backoff.reset();
      } catch (error) {
        reason =
          gateway.state() === 'ready' && error instanceof Error ? error.message : 'OpenClaw is starting';
      }
      if (closed.signal.aborted) return;
      onStatus('disconnected', { reason });
      await pause(backoff.next(), closed.signal).catch(() => undefined);
    }
  };
  void keepConnected();

  return {
    send(frame) {
      const request = Request.safeParse(frame);
      if (!request.success) return;
      const { type, id, method } = request.data;
      if (type === 'req' && method === 'connect') {
        if (id)
          onFrame(errorResponse(id, 'INVALID_REQUEST', 'The agent has signed in for you already.', false));
        return;
      }
      const socket = connection?.socket;
      if (socket?.readyState !== socket?.OPEN || !socket) {
        if (type === 'req' && id)
          onFrame(errorResponse(id, 'UNAVAILABLE', 'OpenClaw is not running at the moment.', true));
        return;
      }
      socket.send(JSON.stringify(frame), () => {
        if (socket.bufferedAmount < congestedBytes / 4) setCongested(false);
      });
      if (socket.bufferedAmount > congestedBytes) setCongested(true);
    },
    pause() {
      paused = true;
      connection?.socket.pause();
    },
    resume() {
      paused = false;
      connection?.socket.resume();
    },
    close() {
      closed.abort();
      connection?.close();
      connection = null;
    },
  };
}
