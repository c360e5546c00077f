import { AgentEvent, ChatEvent } from '../gateway/wire.ts';
import { contentText, newTool, plainError, settleTools } from './history.ts';
import {
  type AssistantTurn,
  type Block,
  type Conversation,
  type TextBlock,
  type ToolBlock,
  textOf,
} from './model.ts';

/** Takes in the event `chat`: phases, text, and how a run ended. */
export function onChat(before: Conversation, payload: unknown): Conversation {
  const parsed = ChatEvent.safeParse(payload);
  if (!parsed.success || parsed.data.sessionKey !== before.sessionKey) return before;
  const event = parsed.data;
  const text = event.message ? contentText(event.message.content) : undefined;
  if (event.state === 'final' || event.state === 'aborted' || event.state === 'error')
    return onEnd(before, event, text);
  return changeRun(before, event.runId, event.message?.timestamp ?? null, (turn) => {
    if (turn.status !== 'working') return turn;
    if (event.state === 'status') return { ...turn, phase: event.phase ?? turn.phase };
    if (text === undefined) return turn;
    // Where the finer stream of pieces comes too, it alone is followed: it knows what stood between tools.
    const inPieces = turn.blocks.some(
      (block) => block.type === 'text' && block.itemId !== null && block.itemId !== whole,
    );
    if (inPieces && !event.replace) return turn;
    return { ...turn, phase: null, blocks: withWholeText(turn.blocks, text) };
  });
}

function onEnd(before: Conversation, event: ChatEvent, text: string | undefined): Conversation {
  const known = before.turns.some((turn) => turn.kind === 'assistant' && turn.runId === event.runId);
  // A message that was taken up by a run already under way ends without an answer of its own.
  if (!known && event.state === 'final' && (text === undefined || text === '')) return before;
  return changeRun(before, event.runId, event.message?.timestamp ?? null, (turn) => {
    if (turn.status !== 'working') return turn;
    const blocks =
      text === undefined
        ? turn.blocks
        : sameText(turn, text)
          ? turn.blocks
          : withWholeText(turn.blocks, text);
    const done = { ...turn, phase: null, blocks: settle(blocks) };
    if (event.state === 'final') return { ...done, status: 'done' };
    if (event.state === 'aborted') return { ...done, status: 'stopped' };
    return {
      ...done,
      status: 'failed',
      error: plainError(event.errorMessage ?? 'The assistant failed to answer.'),
    };
  });
}

/** Takes in the event `agent`: pieces of text, tool calls and what the run is doing. */
export function onAgent(before: Conversation, payload: unknown): Conversation {
  const parsed = AgentEvent.safeParse(payload);
  if (!parsed.success || parsed.data.sessionKey !== before.sessionKey) return before;
  const { stream, data, runId, ts } = parsed.data;
  const change = changes[stream];
  if (!change) return before;
  const known = before.turns.some((turn) => turn.kind === 'assistant' && turn.runId === runId);
  // Only what is said or done begins a turn: bookkeeping also follows runs that have ended.
  if (!known && stream === 'lifecycle' && data.phase !== 'start') return before;
  return changeRun(before, runId, ts ?? null, (turn) =>
    turn.status === 'working' ? change(turn, data) : turn,
  );
}

type Data = Record<string, unknown>;
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

const changes: Partial<Record<string, (turn: AssistantTurn, data: Data) => AssistantTurn>> = {
  run_status: (turn, data) => ({ ...turn, phase: text(data.phase) ?? turn.phase }),

  assistant(turn, data) {
    const itemId = text(data.itemId);
    const said = text(data.text);
    if (itemId === null || said === null) return turn;
    return { ...turn, phase: null, blocks: withPiece(turn.blocks, itemId, said) };
  },

  tool(turn, data) {
    const outcome = (data.phase === 'result' ? data.result : data.partialResult) as Data | undefined;
    const details = (outcome?.details ?? {}) as Data;
    return changeTool(turn, data, (tool) => ({
      ...tool,
      ...(data.phase === 'start' ? { args: data.args } : {}),
      ...(outcome ? { output: resultText(outcome) ?? tool.output } : {}),
      ...(data.phase === 'result'
        ? {
            status: data.isError === true ? ('failed' as const) : ('done' as const),
            exitCode: number(details.exitCode),
            durationMs: number(details.durationMs),
          }
        : {}),
    }));
  },

  item: (turn, data) =>
    data.kind === 'tool'
      ? changeTool(turn, data, (tool) => ({ ...tool, title: text(data.meta) ?? tool.title }))
      : turn,

  command_output: (turn, data) =>
    changeTool(turn, data, (tool) => ({
      ...tool,
      output: text(data.output) ?? tool.output,
      exitCode: number(data.exitCode) ?? tool.exitCode,
      durationMs: number(data.durationMs) ?? tool.durationMs,
    })),

  lifecycle(turn, data) {
    if (data.phase === 'model' && text(data.model) !== null) {
      return { ...turn, model: text(data.model), provider: text(data.provider) };
    }
    if (data.phase === 'waiting-approval')
      return changeTool(turn, data, (tool) => ({ ...tool, status: 'waiting' }));
    if (data.phase === 'approval-resolved')
      return changeTool(turn, data, (tool) => ({ ...tool, status: 'running' }));
    return turn;
  },
};

/** The name of a text that came as a whole, not in pieces. */
const whole = 'whole';

function changeRun(
  before: Conversation,
  runId: string,
  at: number | null,
  change: (turn: AssistantTurn) => AssistantTurn,
): Conversation {
  const index = before.turns.findLastIndex((turn) => turn.kind === 'assistant' && turn.runId === runId);
  const known = before.turns[index];
  if (known?.kind === 'assistant') {
    const changed = change(known);
    if (changed === known) return before;
    return { ...before, turns: before.turns.map((turn, i) => (i === index ? changed : turn)) };
  }
  const fresh: AssistantTurn = {
    kind: 'assistant',
    id: runId,
    runId,
    at: at ?? before.turns.at(-1)?.at ?? 0,
    blocks: [],
    status: 'working',
    phase: null,
    model: null,
    provider: null,
    error: null,
  };
  // The answer stands under its question even where the next question is already typed.
  const question = before.turns.findIndex((turn) => turn.kind === 'user' && turn.runId === runId);
  const turns = [...before.turns];
  turns.splice(question >= 0 ? question + 1 : turns.length, 0, change(fresh));
  return { ...before, turns };
}

function changeTool(turn: AssistantTurn, data: Data, change: (tool: ToolBlock) => ToolBlock): AssistantTurn {
  const id = text(data.toolCallId);
  if (id === null) return turn;
  const known = turn.blocks.some((block) => block.type === 'tool' && block.toolCallId === id);
  const blocks = known ? turn.blocks : [...turn.blocks, newTool(id, text(data.name) ?? 'tool')];
  return {
    ...turn,
    phase: null,
    blocks: blocks.map((block) => (block.type === 'tool' && block.toolCallId === id ? change(block) : block)),
  };
}

/** Puts a piece of streamed text (always cumulative) where it belongs. */
function withPiece(blocks: readonly Block[], itemId: string, said: string): Block[] {
  const piece: TextBlock = { type: 'text', itemId, text: said };
  const at = blocks.findIndex((block) => block.type === 'text' && block.itemId === itemId);
  if (at >= 0) return blocks.map((block, i) => (i === at ? piece : block));
  // After a reconnect the piece under way has no name yet: the first event that continues it names it.
  const last = blocks.at(-1);
  if (last?.type === 'text' && (last.itemId === 'resumed' || last.itemId === whole))
    return [...blocks.slice(0, -1), piece];
  return [...blocks, piece];
}

/** The whole text in one block, behind the tool calls; used where pieces are unknown or were replaced. */
function withWholeText(blocks: readonly Block[], said: string): Block[] {
  const tools = blocks.filter((block) => block.type === 'tool');
  return said === '' ? tools : [...tools, { type: 'text', itemId: whole, text: said }];
}

const squeezed = (said: string) => said.replace(/\s+/g, ' ').trim();
const sameText = (turn: AssistantTurn, said: string) => squeezed(textOf(turn)) === squeezed(said);

/** The turn is over: pieces lose their names, and what still ran was cut off. */
function settle(blocks: readonly Block[]): Block[] {
  return settleTools(blocks).map((block) => (block.type === 'text' ? { ...block, itemId: null } : block));
}

function resultText(result: Data): string | null {
  if (!Array.isArray(result.content)) return text(result.content);
  return result.content
    .map((part: unknown) =>
      typeof part === 'object' && part !== null ? (text((part as Data).text) ?? '') : '',
    )
    .join('');
}
