import type { Message, Plan } from './conversation.ts';

type Answer = Extract<Plan, { kind: 'answer' }>;

interface Facts {
  serial: number;
  createdAt: number;
  model: string;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

interface InputItem {
  type?: string;
  role?: string;
  content?: Message['content'];
  output?: string;
}

/** The `input` of a responses request as a list of messages. */
export function responsesMessages(input: unknown): Message[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input)) return [];
  return (input as InputItem[]).map((item) => {
    if (item.type === 'function_call_output') return { role: 'tool', content: item.output };
    if (item.type === 'function_call') return { role: 'assistant', content: '' };
    return { role: item.role ?? 'user', content: item.content };
  });
}

function parts(plan: Answer, { serial }: Facts) {
  const message = {
    type: 'message',
    id: `msg_sandbox_${serial}`,
    status: 'completed',
    role: 'assistant',
    content: [{ type: 'output_text', text: plan.words.join(''), annotations: [] }],
  };
  const call = plan.call && {
    type: 'function_call',
    id: `fc_sandbox_${serial}`,
    call_id: `call_sandbox_${serial}`,
    name: plan.call.name,
    arguments: plan.call.arguments,
    status: 'completed',
  };
  return { message, call };
}

function envelope(facts: Facts, status: 'in_progress' | 'completed', output: object[]) {
  return {
    id: `resp_sandbox_${facts.serial}`,
    object: 'response',
    created_at: facts.createdAt,
    status,
    model: facts.model,
    output,
    usage:
      status === 'completed'
        ? {
            input_tokens: facts.usage.prompt_tokens,
            output_tokens: facts.usage.completion_tokens,
            total_tokens: facts.usage.total_tokens,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens_details: { reasoning_tokens: 0 },
          }
        : null,
  };
}

/** The whole answer of a request without streaming. */
export function responsesAnswer(plan: Answer, facts: Facts) {
  const { message, call } = parts(plan, facts);
  return envelope(facts, 'completed', call ? [message, call] : [message]);
}

/** The events of a stream in their order, each with the pause that follows it. */
export function* responsesEvents(plan: Answer, facts: Facts) {
  const { message, call } = parts(plan, facts);
  let sequence = 0;
  const event = (type: string, fields: object, pauseMs = 0) => ({
    type,
    sequence_number: sequence++,
    ...fields,
    pauseMs,
  });
  const at = { item_id: message.id, output_index: 0, content_index: 0 };
  const empty = { type: 'output_text', text: '', annotations: [] };
  yield event('response.created', { response: envelope(facts, 'in_progress', []) });
  yield event('response.output_item.added', {
    output_index: 0,
    item: { ...message, status: 'in_progress', content: [] },
  });
  yield event('response.content_part.added', { ...at, part: empty });
  for (const word of plan.words)
    yield event('response.output_text.delta', { ...at, delta: word }, plan.wordDelayMs);
  yield event('response.output_text.done', { ...at, text: plan.words.join('') });
  yield event('response.content_part.done', { ...at, part: message.content[0] });
  yield event('response.output_item.done', { output_index: 0, item: message });
  if (call) {
    const atCall = { item_id: call.id, output_index: 1 };
    yield event('response.output_item.added', {
      output_index: 1,
      item: { ...call, arguments: '', status: 'in_progress' },
    });
    yield event('response.function_call_arguments.delta', { ...atCall, delta: call.arguments });
    yield event('response.function_call_arguments.done', { ...atCall, arguments: call.arguments });
    yield event('response.output_item.done', { output_index: 1, item: call });
  }
  yield event('response.completed', { response: responsesAnswer(plan, facts) });
}
