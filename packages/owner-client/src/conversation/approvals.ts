import { ExecApproval, SessionApproval } from '../gateway/wire.ts';
import type { Approval, Conversation } from './model.ts';

/** Takes in `exec.approval.requested`. */
export function onRequested(before: Conversation, payload: unknown): Conversation {
  const parsed = ExecApproval.safeParse(payload);
  if (!parsed.success) return before;
  const { id, request, expiresAtMs } = parsed.data;
  if (request.sessionKey !== before.sessionKey) return before;
  return add(before, {
    id,
    command: request.command,
    cwd: request.cwd ?? null,
    host: request.host ?? null,
    warning: request.warningText ?? null,
    toolCallId: request.toolCallId ?? null,
    canAllow: request.allowedDecisions?.includes('allow-once') ?? true,
    expiresAt: expiresAtMs ?? null,
    deciding: null,
    problem: null,
  });
}

/** Takes in `session.approval`, which says both that a question is open and that it no longer is. */
export function onSessionApproval(before: Conversation, payload: unknown): Conversation {
  const of = payload as { sourceSessionKey?: unknown; sessionKey?: unknown; approval?: unknown } | null;
  const key = of?.sourceSessionKey ?? of?.sessionKey;
  return key === before.sessionKey ? take(before, of?.approval) : before;
}

/** Takes in the answer of a subscription: what was open before. */
export function onReplay(before: Conversation, payload: unknown): Conversation {
  const replay = (payload as { approvalReplay?: { approvals?: unknown } } | null)?.approvalReplay?.approvals;
  if (!Array.isArray(replay)) return before;
  const open = replay.map((one) => SessionApproval.safeParse(one)).filter((one) => one.success);
  const ids = new Set(open.filter((one) => one.data.status === 'pending').map((one) => one.data.id));
  // What was answered while this device was away is not asked again.
  const kept: Conversation = {
    ...before,
    approvals: before.approvals.filter((approval) => ids.has(approval.id)),
  };
  return open.reduce<Conversation>((state, one) => take(state, one.data), kept);
}

/** The question has its answer. */
export function onResolved(before: Conversation, payload: unknown): Conversation {
  const id = (payload as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? without(before, id) : before;
}

/** Changes an open question. */
export function changeApproval(before: Conversation, id: string, change: Partial<Approval>): Conversation {
  return {
    ...before,
    approvals: before.approvals.map((approval) =>
      approval.id === id ? { ...approval, ...change } : approval,
    ),
  };
}

function take(before: Conversation, approval: unknown): Conversation {
  const parsed = SessionApproval.safeParse(approval);
  if (!parsed.success) return before;
  const { id, status, presentation, expiresAtMs } = parsed.data;
  if (status !== 'pending') return without(before, id);
  if (presentation.kind !== 'exec') return before;
  return add(before, {
    id,
    command: presentation.commandText ?? '',
    cwd: null,
    host: presentation.host ?? null,
    warning: presentation.warningText ?? null,
    toolCallId: null,
    canAllow: presentation.allowedDecisions?.includes('allow-once') ?? true,
    expiresAt: expiresAtMs ?? null,
    deciding: null,
    problem: null,
  });
}

/** Adds a question, or fills in what the first of its two announcements did not say. */
function add(before: Conversation, approval: Approval): Conversation {
  const known = before.approvals.find((other) => other.id === approval.id);
  if (!known) return { ...before, approvals: [...before.approvals, approval] };
  return changeApproval(before, approval.id, {
    cwd: known.cwd ?? approval.cwd,
    toolCallId: known.toolCallId ?? approval.toolCallId,
  });
}

const without = (before: Conversation, id: string): Conversation =>
  before.approvals.some((approval) => approval.id === id)
    ? { ...before, approvals: before.approvals.filter((approval) => approval.id !== id) }
    : before;
