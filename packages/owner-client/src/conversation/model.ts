/** What a chat shows, made from history and events alone. All times are milliseconds since the epoch. */
export interface Conversation {
  readonly sessionKey: string;
  /** Whether the instance's history has been read since this was made. */
  readonly loaded: boolean;
  /** Older messages than those shown exist on the instance. */
  readonly hasMore: boolean;
  readonly turns: readonly Turn[];
  /** Open questions only. */
  readonly approvals: readonly Approval[];
}

export type Turn = UserTurn | AssistantTurn;

export interface UserTurn {
  readonly kind: 'user';
  readonly id: string;
  /** The run this message started or steers; null for messages of before this was recorded. */
  readonly runId: string | null;
  readonly text: string;
  readonly at: number;
  readonly delivery: 'sending' | 'sent' | 'failed';
  /** Why it was not delivered. */
  readonly problem: string | null;
}

export interface AssistantTurn {
  readonly kind: 'assistant';
  readonly id: string;
  readonly runId: string | null;
  readonly at: number;
  readonly blocks: readonly Block[];
  readonly status: 'working' | 'done' | 'stopped' | 'failed';
  /** What it is doing before the first word, e.g. `preparing_context`. */
  readonly phase: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly error: string | null;
}

export type Block = TextBlock | ToolBlock;

export interface TextBlock {
  readonly type: 'text';
  /** The gateway's name for this piece of text while it streams; null once it is only remembered. */
  readonly itemId: string | null;
  readonly text: string;
}

export interface ToolBlock {
  readonly type: 'tool';
  readonly toolCallId: string;
  readonly name: string;
  /** A short title, e.g. the command in words. */
  readonly title: string | null;
  readonly args: unknown;
  readonly status: 'running' | 'waiting' | 'done' | 'failed';
  readonly output: string;
  readonly exitCode: number | null;
  readonly durationMs: number | null;
}

export interface Approval {
  readonly id: string;
  readonly command: string;
  readonly cwd: string | null;
  readonly host: string | null;
  readonly warning: string | null;
  readonly toolCallId: string | null;
  readonly canAllow: boolean;
  readonly expiresAt: number | null;
  /** The owner's answer on its way. */
  readonly deciding: 'allow-once' | 'deny' | null;
  readonly problem: string | null;
}

export type ConversationAction =
  | { readonly type: 'history'; readonly payload: unknown }
  | { readonly type: 'event'; readonly event: string; readonly payload: unknown }
  /** The owner has pressed Send; `runId` is also the idempotency key. */
  | { readonly type: 'sending'; readonly runId: string; readonly text: string; readonly at: number }
  | { readonly type: 'accepted'; readonly runId: string }
  | { readonly type: 'rejected'; readonly runId: string; readonly problem: string }
  /** The answer of a subscription: approvals that were open before. */
  | { readonly type: 'replay'; readonly payload: unknown }
  | { readonly type: 'deciding'; readonly id: string; readonly decision: 'allow-once' | 'deny' }
  | { readonly type: 'undecided'; readonly id: string; readonly problem: string };

export function emptyConversation(sessionKey: string): Conversation {
  return { sessionKey, loaded: false, hasMore: false, turns: [], approvals: [] };
}

/** The run that is under way, if any: the one Stop would stop. */
export function activeRun(conversation: Conversation): AssistantTurn | undefined {
  return conversation.turns.findLast(
    (turn): turn is AssistantTurn => turn.kind === 'assistant' && turn.status === 'working',
  );
}

/** Whether an answer is owed: a message is on its way or its run has not spoken yet. */
export function isWaiting(conversation: Conversation): boolean {
  const last = conversation.turns.at(-1);
  return last?.kind === 'user' && last.delivery !== 'failed';
}

/** The words of an assistant's turn, without its tool calls. */
export function textOf(turn: AssistantTurn): string {
  return turn.blocks
    .filter((block): block is TextBlock => block.type === 'text')
    .map((block) => block.text.trim())
    .filter((text) => text !== '')
    .join('\n\n');
}
