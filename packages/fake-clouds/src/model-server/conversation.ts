/** A part of a message as chat completions and responses write it. */
type Content = string | { type?: string; text?: string }[] | null | undefined;

export interface Message {
  role: string;
  content?: Content;
}

export interface ToolCall {
  name: string;
  /** JSON text. */
  arguments: string;
}

/** What the model will do with a conversation. */
export type Plan =
  | { kind: 'refuse'; status: 401 | 429 | 500; code: string; message: string }
  | { kind: 'answer'; words: string[]; wordDelayMs: number; thinking: string[]; call: ToolCall | null };

export function textOf(content: Content): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part) => part.text ?? '').join('') : '';
}

/**
 * A user's words without what OpenClaw adds around them. Its internal context block must never be echoed: the gateway
 * strips it from the answer again and then fails the stream as "not append-only".
 */
export function plainUserText(content: Content): string {
  return textOf(content)
    .replace(/<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>[\s\S]*?(<<<END_OPENCLAW_INTERNAL_CONTEXT>>>|$)/g, '')
    .replace(/\n*Runtime: agent=[^\n]*/g, '')
    .replace(/^\[\w{3} \d{4}-\d\d-\d\d[^\]]*\] /, '')
    .trim();
}

export function lastUserText(messages: Message[]): string {
  for (const message of messages.toReversed()) {
    if (message.role !== 'user') continue;
    const text = plainUserText(message.content);
    if (text !== '') return text;
  }
  return '';
}

/** The last message that says something: OpenClaw may end with a user message of internal context only. */
function lastTelling(messages: Message[]): Message | undefined {
  return messages
    .toReversed()
    .find((message) => message.role !== 'user' || plainUserText(message.content) !== '');
}

const REFUSALS = [
  ['[error]', 500, 'server_error', 'The sandbox model was asked to fail.'],
  ['[429]', 429, 'rate_limit_exceeded', 'The sandbox model was asked to say that it is busy.'],
  ['[401]', 401, 'invalid_api_key', 'The sandbox model was asked to refuse the key.'],
] as const;

const DEFAULT_COMMAND = 'echo hello-from-the-tool && uname -s';
const MAX_ECHO = 400;
const SLOW_WORDS = 100;

function words(text: string): string[] {
  return text.split(/(?<=\s)/);
}

function toolCall(text: string): ToolCall | null {
  const match = /\[tool(?::([\w.-]+)\s*(\{.*\})?)?\]/s.exec(text);
  if (!match) return null;
  const name = match[1] ?? 'exec';
  return { name, arguments: match[2] ?? (match[1] ? '{}' : JSON.stringify({ command: DEFAULT_COMMAND })) };
}

/**
 * Decides what to answer, by tags in the last user message: `[tool]`, `[tool:NAME {json}]`, `[slow]`, `[think]`,
 * `[error]`, `[429]`, `[401]`; otherwise a sentence that says whose answer it is.
 */
export function planAnswer(messages: Message[], wordDelayMs: number): Plan {
  const text = lastUserText(messages);
  const last = lastTelling(messages);
  const answer = (sentence: string, extra: Partial<Extract<Plan, { kind: 'answer' }>> = {}): Plan => ({
    kind: 'answer',
    words: words(sentence),
    wordDelayMs,
    thinking: [],
    call: null,
    ...extra,
  });
  if (last?.role === 'tool')
    return answer(`The tool answered: ${textOf(last.content).trim().slice(0, MAX_ECHO)}`);
  for (const [tag, status, code, message] of REFUSALS) {
    if (text.includes(tag)) return { kind: 'refuse', status, code, message };
  }
  const call = toolCall(text);
  if (call) return answer(`Let me use the tool ${call.name}. `, { call });
  if (text.includes('[slow]')) {
    const counted = Array.from({ length: SLOW_WORDS }, (_, index) => `word-${index + 1} `);
    return { kind: 'answer', words: counted, wordDelayMs: wordDelayMs * 7, thinking: [], call: null };
  }
  const echo = text.slice(-MAX_ECHO);
  const thinking = text.includes('[think]') ? ['Weighing ', 'the ', 'words.'] : [];
  return answer(
    echo === ''
      ? "This is the sandbox's own small model. Send me a sentence and I'll repeat it."
      : `This is the sandbox's own small model. You said: ${echo}`,
    { thinking },
  );
}
