import { History } from '../gateway/wire.ts';
import { changeApproval, onReplay, onRequested, onResolved, onSessionApproval } from './approvals.ts';
import { onAgent, onChat } from './events.ts';
import { addMessage, fromHistory } from './history.ts';
import type { Conversation, ConversationAction, UserTurn } from './model.ts';

/**
 * A conversation after one more action. Pure: the same history and events give the same view. Events of
 * other sessions and of unknown kinds change nothing (the very same object comes back).
 */
export function conversationReducer(before: Conversation, action: ConversationAction): Conversation {
  switch (action.type) {
    case 'history':
      return onHistory(before, action.payload);
    case 'event':
      return onEvent(before, action.event, action.payload);
    case 'sending':
      return send(before, action);
    case 'accepted':
      return changeUser(before, action.runId, { delivery: 'sent', problem: null });
    case 'rejected':
      return changeUser(before, action.runId, { delivery: 'failed', problem: action.problem });
    case 'replay':
      return onReplay(before, action.payload);
    case 'deciding':
      return changeApproval(before, action.id, { deciding: action.decision, problem: null });
    case 'undecided':
      return changeApproval(before, action.id, { deciding: null, problem: action.problem });
  }
}

function onHistory(before: Conversation, payload: unknown): Conversation {
  const events = History.safeParse(payload).data?.inFlightRun?.events ?? [];
  // What the run under way has done and not written down yet comes as the events it sent.
  return events.reduce<Conversation>((state, event) => onAgent(state, event), fromHistory(before, payload));
}

function onEvent(before: Conversation, event: string, payload: unknown): Conversation {
  switch (event) {
    case 'chat':
      return onChat(before, payload);
    case 'agent':
      return onAgent(before, payload);
    case 'session.message':
      return onRow(before, payload);
    case 'session.approval':
      return onSessionApproval(before, payload);
    case 'exec.approval.requested':
      return onRequested(before, payload);
    case 'exec.approval.resolved':
      return onResolved(before, payload);
    default:
      return before;
  }
}

/**
 * A row that was just written to the transcript: the owner's message (maybe typed on another device), or
 * an answer. Answers of a run that is watched live are already here, in finer pieces.
 */
function onRow(before: Conversation, payload: unknown): Conversation {
  const row = payload as {
    sessionKey?: unknown;
    message?: { role?: unknown; __openclaw?: { runId?: unknown } };
  } | null;
  if (row?.sessionKey !== before.sessionKey || !row.message) return before;
  const runId = row.message.__openclaw?.runId;
  const watched = before.turns.some(
    (turn) => turn.kind === 'assistant' && runId !== undefined && turn.runId === runId,
  );
  if (row.message.role !== 'user' && watched) return before;
  return { ...before, turns: addMessage(before.turns, row.message) };
}

function send(before: Conversation, action: { runId: string; text: string; at: number }): Conversation {
  const turn: UserTurn = {
    kind: 'user',
    id: action.runId,
    runId: action.runId,
    text: action.text,
    at: action.at,
    delivery: 'sending',
    problem: null,
  };
  const again = before.turns.some((other) => other.kind === 'user' && other.runId === action.runId);
  if (again) return changeUser(before, action.runId, { delivery: 'sending', problem: null });
  return { ...before, turns: [...before.turns, turn] };
}

function changeUser(before: Conversation, runId: string, change: Partial<UserTurn>): Conversation {
  return {
    ...before,
    turns: before.turns.map((turn) =>
      turn.kind === 'user' && turn.runId === runId ? { ...turn, ...change } : turn,
    ),
  };
}
