import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { bearerProtocolPrefix, closeCodes, type ErrorCode, ProductError } from '@claw-cloud/contracts';
import type { WebSocket } from 'ws';
import { openStream, splice } from '../channel/splice.ts';
import { describeError, type Log } from '../log.ts';
import { SocketEnd } from '../socket/duplex.ts';
import type { KeepAlive } from '../socket/keep-alive.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';

export interface SupportsOptions {
  readonly tunnels: Pick<Tunnels, 'get'>;
  readonly keepAlive: KeepAlive;
  readonly log: Log;
  /** Decides by what the instance has reported, and audits its decision. */
  readonly open: (asked: { grantId: string; tokenHash: string }) => Promise<{ instanceId: string }>;
  /** Notes the end of a connection that was allowed. */
  readonly close: (ended: {
    grantId: string;
    seconds: number;
    bytesUp: number;
    bytesDown: number;
  }) => Promise<void>;
  /** @default 24 hours, the longest grant */
  readonly maxAgeMs?: number;
}

/** What was decided about a supporter who knocks, before the socket opens. */
export type SupportAdmission =
  | {
      readonly admitted: true;
      readonly stream: ClientHttp2Stream;
      readonly grantId: string;
      readonly instanceId: string;
    }
  | { readonly admitted: false; readonly code: number; readonly reason: ErrorCode };

export interface Supports {
  /** Asks whether the token opens the grant, and the instance whether it lets somebody in. Never rejects. */
  admit(grantId: string, protocols: readonly string[], requestId: string): Promise<SupportAdmission>;
  /** Takes the socket that was opened on this admission, in the turn in which it opened. */
  open(socket: WebSocket, admission: SupportAdmission): void;
  /** The socket of this admission never opened. */
  abandon(admission: SupportAdmission): void;
  size(): number;
  closeAll(): Promise<void>;
}

const codeOf: Partial<Record<ErrorCode, number>> = {
  grant_unknown: closeCodes.notFound,
  grant_token_invalid: closeCodes.unauthenticated,
  instance_offline: closeCodes.offline,
  unavailable: closeCodes.internal,
  internal: closeCodes.internal,
};

const refusals: Record<number, ProductError> = {
  403: new ProductError(
    'grant_ended',
    'The server lets nobody in on this grant: it has ended, or was revoked.',
    'Ask its owner for a new one.',
  ),
  429: new ProductError(
    'rate_limited',
    'There are four connections on this grant already.',
    'Close one, then try again.',
  ),
};

/** Asks an instance to take an SSH connection on a grant. Raises `grant_ended`, `rate_limited`, `instance_offline`. */
const openSupportStream = (session: ClientHttp2Session, grantId: string): Promise<ClientHttp2Stream> =>
  openStream(
    session,
    { ':path': '/support', 'claw-grant': grantId },
    (status) => refusals[status] ?? refusals[403],
  );

/**
 * Supporters' SSH connections through this process: the token was checked, the bytes are passed on and counted. What
 * they may do is decided on the instance, by the key, the time and the grant that it alone knows.
 */
export function createSupports(options: SupportsOptions): Supports {
  const { tunnels, keepAlive, log, maxAgeMs = 24 * 60 * 60_000 } = options;
  const live = new Set<{ end(reason: SocketEnd): void; ended: Promise<void> }>();

  return {
    size: () => live.size,

    async admit(grantId, protocols, requestId) {
      try {
        const token = protocols
          .find((protocol) => protocol.startsWith(bearerProtocolPrefix))
          ?.slice(bearerProtocolPrefix.length);
        const tokenHash = createHash('sha256')
          .update(token ?? '')
          .digest('hex');
        const { instanceId } = await options.open({ grantId, tokenHash });
        const tunnel = tunnels.get(instanceId);
        if (!tunnel)
          throw new ProductError(
            'instance_offline',
            'The instance is not connected.',
            'Wait a moment: it dials again by itself.',
          );
        return {
          admitted: true,
          grantId,
          instanceId,
          stream: await openSupportStream(tunnel.session, grantId),
        };
      } catch (error) {
        if (!(error instanceof ProductError))
          log.error('support failed', { requestId, ...describeError(error) });
        // A malformed id names nothing.
        const asked = error instanceof ProductError ? error.code : 'internal';
        const reason = asked === 'invalid_request' ? 'grant_unknown' : asked;
        return { admitted: false, reason, code: codeOf[reason] ?? closeCodes.refused };
      }
    },

    open(socket, admission) {
      if (!admission.admitted) {
        socket.on('error', () => undefined);
        log.info('support refused', { reason: admission.reason });
        return socket.close(admission.code, admission.reason);
      }
      const { stream, grantId, instanceId } = admission;
      const counted = { bytesUp: 0, bytesDown: 0 };
      const joined = splice(socket, stream, {
        up: (bytes) => {
          counted.bytesUp += bytes;
        },
        down: (bytes) => {
          counted.bytesDown += bytes;
        },
      });
      live.add(joined);
      keepAlive.watch(socket);
      log.info('support open', { instanceId });
      const started = performance.now();
      const maxAge = setTimeout(() => joined.end(new SocketEnd(closeCodes.goingAway, 'max_age')), maxAgeMs);
      void joined.ended.then(() => {
        clearTimeout(maxAge);
        live.delete(joined);
        const seconds = (performance.now() - started) / 1000;
        log.info('support closed', { instanceId, ms: Math.round(seconds * 1000) });
        return options
          .close({ grantId, seconds, ...counted })
          .catch((error: unknown) =>
            log.warn('end of support not noted', { instanceId, ...describeError(error) }),
          );
      });
    },

    abandon(admission) {
      if (admission.admitted) admission.stream.close(constants.NGHTTP2_CANCEL);
    },

    async closeAll() {
      const all = [...live];
      for (const joined of all) joined.end(new SocketEnd(closeCodes.goingAway, 'restarting'));
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
