import { pause } from '../backoff.ts';
import { ChannelError } from '../channel/problem.ts';
import { createEmitter } from '../emitter.ts';
import { type Gateway, GatewayError } from '../gateway/gateway.ts';
import {
  type AssistantTurn,
  activeRun,
  type Conversation,
  type ConversationAction,
  emptyConversation,
} from './model.ts';
import { conversationReducer } from './reducer.ts';

export interface ConversationSession {
  readonly key: string;
  state(): Conversation;
  onChange(listener: (conversation: Conversation) => void): () => void;
  /**
   * Sends a message; it is shown at once, and marked failed (not thrown) where it could not be delivered.
   * Returns the run's id.
   */
  send(text: string): string;
  /** Sends a message that failed once more, under the same id: it can't arrive twice. */
  resend(runId: string): void;
  /** Stops the run under way. Raises ChannelError, GatewayError. */
  stop(): Promise<void>;
  decide(approvalId: string, decision: 'allow-once' | 'deny'): Promise<void>;
  /** The finished turn of a run. Raises ChannelError `timed_out`, or the message's own failure. */
  reply(runId: string, options?: { timeoutMs?: number }): Promise<AssistantTurn>;
  /** Stops listening; the run goes on at the instance. */
  close(): void;
}

/** How often a history that did not come is asked for again, over about half a minute. */
const refreshTries = 6;

/**
 * One conversation over a gateway: subscribes, reads the history whenever the connection is (back) there,
 * and keeps the view model. Runs outlive the connection; what was missed comes from the history.
 */
export function openConversation(
  gateway: Gateway,
  key: string,
  options: { now?: () => number; newRunId?: () => string } = {},
): ConversationSession {
  const now = options.now ?? Date.now;
  const newRunId = options.newRunId ?? (() => globalThis.crypto.randomUUID());
  const changed = createEmitter<Conversation>();
  let state = emptyConversation(key);
  let closed = false;
  let load = 0;

  const apply = (action: ConversationAction): void => {
    const next = conversationReducer(state, action);
    if (next === state || closed) return;
    state = next;
    changed.emit(state);
  };

  const refresh = async (): Promise<void> => {
    load += 1;
    const mine = load;
    // Events that come while the history is read are in it or after it: the reducer takes either.
    const subscribed = await gateway.subscribe(key);
    const history = await gateway.history(key);
    if (mine !== load) return;
    apply({ type: 'history', payload: history });
    apply({ type: 'replay', payload: subscribed });
  };
  const tryRefresh = (attempt = 1): void => {
    const mine = load + 1;
    refresh().catch(async (error: unknown) => {
      // A lost connection is taken up again by itself; a gateway that is busy is asked again here.
      const lost = error instanceof ChannelError && error.code === 'connection_lost';
      if (lost || attempt === refreshTries) return;
      await pause(500 * 2 ** attempt);
      if (!closed && mine === load) tryRefresh(attempt + 1);
    });
  };

  const offs = [
    gateway.onEvent(({ event, payload }) => apply({ type: 'event', event, payload })),
    gateway.onState((next) => {
      if (next.status === 'connected') tryRefresh();
    }),
  ];
  if (gateway.state().status === 'connected') tryRefresh();

  const deliver = async (runId: string, text: string): Promise<void> => {
    apply({ type: 'sending', runId, text, at: now() });
    try {
      await insist(async () => {
        await gateway.whenConnected({ timeoutMs: 20_000 });
        await gateway.sendMessage(key, text, runId);
      });
      apply({ type: 'accepted', runId });
    } catch (error) {
      apply({ type: 'rejected', runId, problem: sentence(error) });
    }
  };

  return {
    key,
    state: () => state,
    onChange: changed.on,
    send(text) {
      const runId = newRunId();
      void deliver(runId, text);
      return runId;
    },
    resend(runId) {
      const turn = state.turns.find((other) => other.kind === 'user' && other.runId === runId);
      if (turn?.kind === 'user' && turn.delivery === 'failed') void deliver(runId, turn.text);
    },
    async stop() {
      const run = activeRun(state);
      await gateway.abort(key, run?.runId ?? undefined);
    },
    async decide(approvalId, decision) {
      apply({ type: 'deciding', id: approvalId, decision });
      try {
        await gateway.resolveApproval(approvalId, decision);
      } catch (error) {
        apply({ type: 'undecided', id: approvalId, problem: sentence(error) });
      }
    },
    reply(runId, { timeoutMs = 120_000 } = {}) {
      return new Promise((resolve, reject) => {
        const look = (conversation: Conversation): boolean => {
          const answer = conversation.turns.find((turn) => turn.kind === 'assistant' && turn.runId === runId);
          if (answer?.kind === 'assistant' && answer.status !== 'working') {
            resolve(answer);
            return true;
          }
          const question = conversation.turns.find((turn) => turn.kind === 'user' && turn.runId === runId);
          if (question?.kind === 'user' && question.delivery === 'failed') {
            reject(
              new ChannelError(
                'not_delivered',
                question.problem ?? 'The message was not delivered.',
                'Send it again.',
              ),
            );
            return true;
          }
          return false;
        };
        if (look(state)) return;
        const timer = setTimeout(() => {
          off();
          reject(
            new ChannelError(
              'timed_out',
              'The assistant did not answer in time.',
              'Look at the conversation again later.',
            ),
          );
        }, timeoutMs);
        const off = changed.on((next) => {
          if (!look(next)) return;
          clearTimeout(timer);
          off();
        });
      });
    },
    close() {
      closed = true;
      for (const off of offs) off();
      // Without a connection there is nothing to unsubscribe from.
      gateway.unsubscribe(key).catch(() => undefined);
    },
  };
}

/** Three tries over a connection that comes and goes; the run's id keeps a message from arriving twice. */
async function insist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 3 || !mayHelp(error)) throw error;
      await pause(250 * attempt);
    }
  }
}

/** A connection that was lost, or a gateway that asks for another try, e.g. because the session was just changed. */
function mayHelp(error: unknown): boolean {
  if (error instanceof ChannelError) return error.code === 'connection_lost';
  return error instanceof GatewayError && (error.retryable || error.message.includes('retry the request'));
}

function sentence(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'Something went wrong on the way.';
}
