import type { GatewayStatusFrame, OwnerConnection } from '../channel/owner-channel.ts';
import { ChannelError } from '../channel/problem.ts';
import { createEmitter } from '../emitter.ts';
import { type GatewayEvent, GatewayFrame, type Session, SessionList } from './wire.ts';

/** An error the gateway (or what stands before it) answered a request with. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: string;
  readonly retryable: boolean;
  readonly details: unknown;
  constructor(code: string, message: string, retryable: boolean, details: unknown) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }
}

export type GatewayState =
  | { readonly status: 'unknown' }
  | { readonly status: 'connected'; readonly hello: Record<string, unknown> | undefined }
  | { readonly status: 'disconnected'; readonly reason: string | undefined };

export type Gateway = ReturnType<typeof createGateway>;

/** The prefix of the sessions this client makes; others (warm-up, channels) are not its conversations. */
export const conversationPrefix = 'agent:main:web:';
export const conversationKey = (id: string): string => `${conversationPrefix}${id}`;

/**
 * OpenClaw's gateway protocol v4 over an owner channel: requests with ids and time limits, events, and the
 * few methods a chat needs. The agent answers `connect` itself, so no request of ours is one.
 */
export function createGateway(channel: OwnerConnection, options: { requestTimeoutMs?: number } = {}) {
  const { requestTimeoutMs = 60_000 } = options;
  const events = createEmitter<GatewayEvent>();
  const states = createEmitter<GatewayState>();
  const waiting = new Map<
    string,
    { resolve: (payload: unknown) => void; reject: (error: unknown) => void }
  >();
  // Two tabs share one gateway session at the agent: their ids must not meet.
  const prefix = globalThis.crypto.randomUUID().slice(0, 8);
  let count = 0;
  let state: GatewayState = stateOf(channel.gatewayStatus());

  const set = (next: GatewayState): void => {
    state = next;
    states.emit(next);
  };
  const rejectAll = (error: unknown): void => {
    for (const { reject } of [...waiting.values()]) reject(error);
  };
  const lost = () =>
    new ChannelError(
      'connection_lost',
      'The connection to your server was lost.',
      'It is tried again by itself.',
    );

  const offs = [
    channel.onState((next) => {
      if (next.status === 'open') return;
      rejectAll(lost());
      if (state.status !== 'unknown') set({ status: 'unknown' });
    }),
    channel.onFrame((frame) => {
      if (frame.type === 'gateway.status') {
        if (frame.status === 'disconnected') rejectAll(lost());
        return set(stateOf(frame));
      }
      if (frame.type !== 'gateway') return;
      const parsed = GatewayFrame.safeParse(frame.frame);
      if (!parsed.success) return;
      if (parsed.data.type === 'event') return events.emit(parsed.data);
      const pending = waiting.get(parsed.data.id);
      if (!pending) return;
      if (parsed.data.ok) return pending.resolve(parsed.data.payload);
      const { code, message, retryable, details } = parsed.data.error ?? {
        code: 'UNKNOWN',
        message: 'No reason was given.',
      };
      pending.reject(new GatewayError(code, message, retryable ?? false, details));
    }),
  ];

  /** Raises {@link GatewayError}, {@link ChannelError} `connection_lost` or `timed_out`. */
  const request = (method: string, params: object = {}, timeoutMs = requestTimeoutMs): Promise<unknown> => {
    count += 1;
    const id = `${prefix}-${count}`;
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(id);
      };
      const timer = setTimeout(() => {
        done();
        reject(
          new ChannelError('timed_out', 'Your server did not answer in time.', 'Try again in a moment.'),
        );
      }, timeoutMs);
      waiting.set(id, {
        resolve: (payload) => {
          done();
          resolve(payload);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      try {
        channel.send({ type: 'gateway', frame: { type: 'req', id, method, params } });
      } catch (error) {
        done();
        reject(error);
      }
    });
  };

  return {
    request,
    state: () => state,
    onState: states.on,
    onEvent: events.on,

    /** Resolves once the agent has the gateway; raises {@link ChannelError} after `timeoutMs`. */
    async whenConnected({ timeoutMs = 60_000 }: { timeoutMs?: number } = {}): Promise<void> {
      await channel.whenOpen({ timeoutMs });
      if (state.status === 'connected') return;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          off();
          reject(
            new ChannelError(
              'gateway_not_ready',
              'Your server answers, but OpenClaw on it is not running yet.',
              'Wait a minute; it is started again by itself.',
            ),
          );
        }, timeoutMs);
        const off = states.on((next) => {
          if (next.status !== 'connected') return;
          clearTimeout(timer);
          off();
          resolve();
        });
      });
    },

    /** The conversations of this client, newest first. */
    async listSessions(limit = 100): Promise<Session[]> {
      const answer = SessionList.parse(
        await request('sessions.list', { limit, includeDerivedTitles: true, includeLastMessage: true }),
      );
      return answer.sessions
        .filter((session) => session.key.startsWith(conversationPrefix) && session.archived !== true)
        .sort((a, b) => (b.updatedAt ?? 0) - (a.updatedAt ?? 0));
    },
    createSession: (key: string, label?: string) =>
      request('sessions.create', { key, ...(label === undefined ? {} : { label }) }),
    renameSession: (key: string, label: string) => request('sessions.patch', { key, label }),
    /** Makes `sessions.changed` events come. */
    subscribeSessions: () => request('sessions.subscribe'),
    subscribe: (key: string) => request('sessions.messages.subscribe', { key, includeApprovals: true }),
    unsubscribe: (key: string) => request('sessions.messages.unsubscribe', { key }),
    history: (key: string, limit = 200) => request('chat.history', { sessionKey: key, limit }),
    /** The same `runId` twice starts one run only. */
    sendMessage: (key: string, message: string, runId: string) =>
      request('chat.send', { sessionKey: key, message, idempotencyKey: runId }),
    abort: (key: string, runId?: string) =>
      request('chat.abort', { sessionKey: key, ...(runId === undefined ? {} : { runId }) }),
    resolveApproval: (id: string, decision: 'allow-once' | 'deny') =>
      request('exec.approval.resolve', { id, decision }),

    /** Lets go of the channel, which stays open. */
    close(): void {
      for (const off of offs) off();
      rejectAll(lost());
    },
  };
}

function stateOf(frame: GatewayStatusFrame | null): GatewayState {
  if (frame === null) return { status: 'unknown' };
  if (frame.status === 'connected') return { status: 'connected', hello: frame.hello };
  return { status: 'disconnected', reason: frame.reason };
}
