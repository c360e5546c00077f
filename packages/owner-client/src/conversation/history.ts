import { History, TranscriptMessage } from '../gateway/wire.ts';
import type { AssistantTurn, Block, Conversation, ToolBlock, Turn, UserTurn } from './model.ts';

/**
 * The conversation as the instance remembers it. Messages that were typed here and are not in the history
 * yet are kept at the end; a run that is under way goes on from the text it has.
 */
export function fromHistory(before: Conversation, payload: unknown): Conversation {
  const parsed = History.safeParse(payload);
  if (!parsed.success) return before;
  const { messages, inFlightRun, sessionInfo, hasMore } = parsed.data;
  let turns: Turn[] = [];
  for (const message of messages) turns = addMessage(turns, message);

  const runningId = inFlightRun?.runId ?? (sessionInfo?.hasActiveRun ? lastRunId(turns) : null);
  if (runningId !== null && runningId !== undefined) {
    turns = resume(turns, runningId, inFlightRun?.text ?? '', inFlightRun?.startedAt ?? null, before);
  }
  const remembered = new Set(turns.filter((turn) => turn.kind === 'user').map((turn) => turn.runId));
  const unsent = before.turns.filter(
    (turn) => turn.kind === 'user' && turn.delivery !== 'sent' && !remembered.has(turn.runId),
  );
  return { ...before, loaded: true, hasMore: hasMore ?? false, turns: [...turns, ...unsent] };
}

/** Adds one row of a transcript to the turns, merging the rows of one run into one turn. */
export function addMessage(turns: readonly Turn[], row: unknown): Turn[] {
  const parsed = TranscriptMessage.safeParse(row);
  if (!parsed.success) return [...turns];
  const message = parsed.data;
  if (message.role === 'user') return addUser(turns, message);
  if (message.role === 'assistant') return addAssistant(turns, message);
  if (message.role === 'toolResult') return addToolResult(turns, message);
  return [...turns];
}

/** The text of a message's content, which is a string or a list of parts. */
export function contentText(content: TranscriptMessage['content']): string {
  if (content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .filter((part) => part.type === 'text')
    .map((part) => part.text ?? '')
    .join('');
}

/** A provider's complaint without the warning sign it is dressed in. */
export const plainError = (text: string): string => text.replace(/^\s*⚠️\s*/u, '').trim();

/** Settles the last working turn: what still runs was cut off. */
export function settleTools(blocks: readonly Block[]): Block[] {
  return blocks.map((block) =>
    block.type === 'tool' && (block.status === 'running' || block.status === 'waiting')
      ? { ...block, status: 'failed' as const }
      : block,
  );
}

function addUser(turns: readonly Turn[], message: TranscriptMessage): Turn[] {
  const runId = message.idempotencyKey?.replace(/:user$/, '') ?? message.__openclaw?.runId ?? null;
  const turn: UserTurn = {
    kind: 'user',
    id: message.__openclaw?.id ?? runId ?? `user-${turns.length}`,
    runId,
    text: contentText(message.content),
    at: message.timestamp ?? 0,
    delivery: 'sent',
    problem: null,
  };
  const at = turns.findIndex((other) => other.kind === 'user' && runId !== null && other.runId === runId);
  // The id stays what it was when typed here: what is shown must not blink for being remembered.
  if (at >= 0) return turns.map((other, i) => (i === at ? { ...turn, id: other.id } : other));
  // What was typed on another device may be written down after its run has begun to speak.
  const answer = turns.findIndex(
    (other) => other.kind === 'assistant' && runId !== null && other.runId === runId,
  );
  return answer < 0 ? [...turns, turn] : [...turns.slice(0, answer), turn, ...turns.slice(answer)];
}

function addAssistant(turns: readonly Turn[], message: TranscriptMessage): Turn[] {
  const runId = message.__openclaw?.runId ?? null;
  const last = turns.at(-1);
  const at = turns.findLastIndex(
    (turn) => turn.kind === 'assistant' && runId !== null && turn.runId === runId,
  );
  const index = at >= 0 ? at : last?.kind === 'assistant' && last.runId === runId ? turns.length - 1 : -1;
  const known = index >= 0 ? turns[index] : undefined;
  const base: AssistantTurn =
    known?.kind === 'assistant'
      ? known
      : {
          kind: 'assistant',
          id: runId ?? message.__openclaw?.id ?? `assistant-${turns.length}`,
          runId,
          at: message.timestamp ?? 0,
          blocks: [],
          status: 'done',
          phase: null,
          model: null,
          provider: null,
          error: null,
        };
  const failed = message.stopReason === 'error';
  const stopped = message.openclawAbort?.aborted === true;
  // Messages the gateway writes itself carry a model that none is.
  const model = message.model && message.model !== 'gateway-injected' ? message.model : base.model;
  const turn: AssistantTurn = {
    ...base,
    blocks: failed ? base.blocks : [...base.blocks, ...blocksOf(message, base.blocks)],
    status: failed ? 'failed' : stopped ? 'stopped' : base.status,
    error: failed ? plainError(contentText(message.content)) : base.error,
    model,
    provider: message.provider && message.provider !== 'openclaw' ? message.provider : base.provider,
  };
  return index >= 0 ? turns.map((other, i) => (i === index ? turn : other)) : [...turns, turn];
}

function blocksOf(message: TranscriptMessage, known: readonly Block[]): Block[] {
  if (typeof message.content === 'string')
    return message.content.trim() === '' ? [] : [textBlock(message.content)];
  const blocks: Block[] = [];
  for (const part of message.content ?? []) {
    if (part.type === 'text' && part.text !== undefined && part.text.trim() !== '')
      blocks.push(textBlock(part.text));
    if (part.type === 'toolCall' && part.id !== undefined) {
      const id = part.id;
      if (known.some((block) => block.type === 'tool' && block.toolCallId === id)) continue;
      blocks.push({ ...newTool(id, part.name ?? 'tool'), args: part.arguments });
    }
  }
  return blocks;
}

const textBlock = (text: string): Block => ({ type: 'text', itemId: null, text: text.trimEnd() });

/** A tool call of which only id and name are known. */
export const newTool = (toolCallId: string, name: string): ToolBlock => ({
  type: 'tool',
  toolCallId,
  name,
  title: null,
  args: undefined,
  status: 'running',
  output: '',
  exitCode: null,
  durationMs: null,
});

function addToolResult(turns: readonly Turn[], message: TranscriptMessage): Turn[] {
  const output = contentText(message.content);
  return turns.map((turn) =>
    turn.kind !== 'assistant'
      ? turn
      : {
          ...turn,
          blocks: turn.blocks.map((block) =>
            block.type === 'tool' && block.toolCallId === message.toolCallId
              ? { ...block, output, status: message.isError ? ('failed' as const) : ('done' as const) }
              : block,
          ),
        },
  );
}

function lastRunId(turns: readonly Turn[]): string | null {
  return turns.findLast((turn) => turn.runId !== null)?.runId ?? null;
}

/** Puts the run that is under way behind what is remembered, with the text it has streamed so far. */
function resume(
  turns: readonly Turn[],
  runId: string,
  text: string,
  startedAt: number | null,
  before: Conversation,
): Turn[] {
  const index = turns.findLastIndex((turn) => turn.kind === 'assistant' && turn.runId === runId);
  const known = turns[index];
  const seen = before.turns.findLast(
    (turn): turn is AssistantTurn => turn.kind === 'assistant' && turn.runId === runId,
  );
  const base: AssistantTurn =
    known?.kind === 'assistant'
      ? known
      : {
          kind: 'assistant',
          id: runId,
          runId,
          at: startedAt ?? turns.at(-1)?.at ?? 0,
          blocks: [],
          status: 'working',
          phase: null,
          model: null,
          provider: null,
          error: null,
        };
  const rest = unremembered(base.blocks, text);
  const turn: AssistantTurn = {
    ...base,
    status: 'working',
    phase: seen?.phase ?? null,
    blocks: rest === '' ? base.blocks : [...base.blocks, { type: 'text', itemId: 'resumed', text: rest }],
  };
  return index >= 0 ? turns.map((other, i) => (i === index ? turn : other)) : [...turns, turn];
}

/** What of a run's cumulative text is not in its persisted blocks yet. */
function unremembered(blocks: readonly Block[], text: string): string {
  let rest = text.trimStart();
  for (const block of blocks) {
    if (block.type !== 'text') continue;
    const known = block.text.trim();
    if (rest.startsWith(known)) rest = rest.slice(known.length).trimStart();
  }
  return rest;
}
