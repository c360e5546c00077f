import type { ClientHttp2Stream } from 'node:http2';
import { bearerProtocolPrefix, closeCodes, type ErrorCode, ProductError } from '@claw-cloud/contracts';
import { getInstance, type OwnerContext } from '@claw-cloud/core';
import type { WebSocket } from 'ws';
import { type OwnerGate, RefusedWithHeaders } from '../http/owner.ts';
import { describeError, type Log } from '../log.ts';
import { SocketEnd } from '../socket/duplex.ts';
import type { KeepAlive } from '../socket/keep-alive.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { openOwnerStream, splice } from './splice.ts';
import type { TrafficMeter } from './traffic.ts';

export interface ChannelsOptions {
  readonly gate: OwnerGate;
  readonly tunnels: Tunnels;
  readonly traffic: TrafficMeter;
  readonly keepAlive: KeepAlive;
  readonly log: Log;
  /** @default 12 hours */
  readonly maxAgeMs?: number;
  /** How often is looked whether the instance still is one to talk to. @default 30000 */
  readonly recheckMs?: number;
}

/** What was decided about an owner who asks for a channel, before the socket opens. */
export type Admission =
  | { readonly admitted: true; readonly stream: ClientHttp2Stream; readonly owner: OwnerContext }
  | { readonly admitted: false; readonly code: number; readonly reason: ErrorCode };

export interface Channels {
  /** Looks at who asks for which instance and opens the stream to it. Never rejects. */
  admit(instanceId: string, protocols: readonly string[], requestId: string): Promise<Admission>;
  /** Takes the socket that was opened on this admission, in the turn in which it opened. */
  open(socket: WebSocket, instanceId: string, admission: Admission): void;
  /** The socket of this admission never opened. */
  abandon(admission: Admission): void;
  size(): number;
  closeAll(): Promise<void>;
}

const channelsPerOwner = 20;

// A browser can't read the status of an upgrade that failed, so a refusal is a socket that closes with a code.
const codeOf: Partial<Record<ErrorCode, number>> = {
  unauthenticated: closeCodes.unauthenticated,
  not_found: closeCodes.notFound,
  instance_offline: closeCodes.offline,
  instance_not_ready: closeCodes.offline,
  unavailable: closeCodes.internal,
  internal: closeCodes.internal,
};

/** Owners' channels through this process: authorised once, then spliced to the instance's tunnel and only counted. */
export function createChannels(options: ChannelsOptions): Channels {
  const { gate, tunnels, traffic, keepAlive, log, maxAgeMs = 12 * 60 * 60_000, recheckMs = 30_000 } = options;
  const perOwner = new Map<string, number>();
  const open = new Set<{ end(reason: SocketEnd): void; ended: Promise<void> }>();

  const take = (ownerId: string) => {
    const count = perOwner.get(ownerId) ?? 0;
    if (count >= channelsPerOwner)
      throw new ProductError('rate_limited', 'Too many open chats at once.', 'Close some, then try again.');
    perOwner.set(ownerId, count + 1);
  };
  const giveBack = (ownerId: string) => {
    const count = (perOwner.get(ownerId) ?? 1) - 1;
    if (count > 0) perOwner.set(ownerId, count);
    else perOwner.delete(ownerId);
  };

  return {
    size: () => open.size,

    async admit(instanceId, protocols, requestId) {
      try {
        const token = protocols
          .find((protocol) => protocol.startsWith(bearerProtocolPrefix))
          ?.slice(bearerProtocolPrefix.length);
        const owner = await gate(token, requestId);
        await getInstance(owner, { instanceId });
        const tunnel = tunnels.get(instanceId);
        if (!tunnel)
          throw new ProductError(
            'instance_offline',
            'The instance is not connected.',
            'Wait a moment: it dials again by itself.',
          );
        take(owner.actor.ownerId);
        try {
          return { admitted: true, stream: await openOwnerStream(tunnel.session), owner };
        } catch (error) {
          giveBack(owner.actor.ownerId);
          throw error;
        }
      } catch (error) {
        const known = error instanceof RefusedWithHeaders ? error.error : error;
        if (!(known instanceof ProductError))
          log.error('channel failed', { requestId, instanceId, ...describeError(error) });
        // A malformed id names nothing.
        const asked = known instanceof ProductError ? known.code : 'internal';
        const reason = asked === 'invalid_request' ? 'not_found' : asked;
        return { admitted: false, reason, code: codeOf[reason] ?? closeCodes.refused };
      }
    },

    open(socket, instanceId, admission) {
      if (!admission.admitted) {
        socket.on('error', () => undefined);
        log.info('channel refused', { instanceId, reason: admission.reason });
        return socket.close(admission.code, admission.reason);
      }
      const { stream, owner } = admission;
      const { requestId } = owner;
      const { ownerId } = owner.actor;
      const joined = splice(socket, stream, {
        up: (bytes) => traffic.up(instanceId, bytes),
        down: (bytes) => traffic.down(instanceId, bytes),
      });
      open.add(joined);
      keepAlive.watch(socket);
      log.info('channel open', { requestId, ownerId, instanceId });
      const started = performance.now();

      const maxAge = setTimeout(() => joined.end(new SocketEnd(closeCodes.goingAway, 'max_age')), maxAgeMs);
      const recheck = setInterval(() => {
        void getInstance(owner, { instanceId }).then(
          ({ state }) => {
            if (state === 'destroyed' || state === 'destroying')
              joined.end(new SocketEnd(closeCodes.notFound, 'not_found'));
          },
          (error: unknown) => {
            // Anything else, such as a database that is away, is no reason to interrupt a conversation.
            if (error instanceof ProductError && error.code === 'not_found')
              joined.end(new SocketEnd(closeCodes.notFound, 'not_found'));
          },
        );
      }, recheckMs);

      socket.once('close', (code) => {
        clearTimeout(maxAge);
        clearInterval(recheck);
        giveBack(ownerId);
        const ms = Math.round(performance.now() - started);
        log.info('channel closed', { requestId, ownerId, instanceId, ms, reason: String(code) });
      });
      void joined.ended.then(() => {
        open.delete(joined);
        return traffic.flush();
      });
    },

    abandon(admission) {
      if (!admission.admitted) return;
      admission.stream.close();
      giveBack(admission.owner.actor.ownerId);
    },

    async closeAll() {
      const all = [...open];
      for (const joined of all) joined.end(new SocketEnd(closeCodes.goingAway, 'restarting'));
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
