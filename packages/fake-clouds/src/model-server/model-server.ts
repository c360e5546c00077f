import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'hono';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Message, Plan } from './conversation.ts';
import { lastUserText, planAnswer } from './conversation.ts';
import { responsesAnswer, responsesEvents, responsesMessages } from './responses.ts';

export interface ModelRequest {
  authorization: string;
  lastUserText: string;
}

export interface ModelServerOptions {
  /** Pause between two words of a stream. @default 20 */
  wordDelayMs?: number;
  /** Sees each completion request; nothing of it is kept elsewhere or written anywhere. */
  onRequest?: (request: ModelRequest) => void;
  now?: () => Date;
}

export interface ModelServer {
  app: Hono;
  /** The last 50 requests, in memory only. */
  recent(): ModelRequest[];
}

/** The one model this server has. */
export const SANDBOX_MODEL_ID = 'sandbox-1';

const MAX_RECENT = 50;
const MAX_BODY_BYTES = 16 * 1024 ** 2;

function failure(c: Context, status: ContentfulStatusCode, code: string, message: string): Response {
  return c.json({ error: { message, type: code, code, param: null } }, status);
}

/** Roughly four characters a token, as a person would guess. */
function usage(promptCharacters: number, plan: Extract<Plan, { kind: 'answer' }>) {
  const prompt_tokens = Math.ceil(promptCharacters / 4);
  const completion_tokens = plan.words.length;
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/**
 * A model server with OpenAI's wire formats (chat completions, responses, models) and no model: it answers in fixed
 * ways, says that it is the sandbox's, and takes any key. Exported for the sandbox and for tests.
 */
export function createModelServer(options: ModelServerOptions = {}): ModelServer {
  const now = options.now ?? (() => new Date());
  const wordDelayMs = options.wordDelayMs ?? 20;
  const recent: ModelRequest[] = [];
  let serial = 0;

  function remember(c: Context, messages: Message[]) {
    const request = {
      authorization: c.req.header('authorization') ?? '',
      lastUserText: lastUserText(messages),
    };
    recent.push(request);
    if (recent.length > MAX_RECENT) recent.shift();
    options.onRequest?.(request);
  }

  async function body(
    c: Context,
  ): Promise<{ value: Record<string, unknown>; characters: number } | undefined> {
    const text = await c.req.text();
    if (text.length > MAX_BODY_BYTES) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null
        ? { value: value as Record<string, unknown>, characters: text.length }
        : undefined;
    } catch {
      return undefined;
    }
  }

  const app = new Hono();
  app.get('/v1/models', (c) =>
    c.json({
      object: 'list',
      data: [{ id: SANDBOX_MODEL_ID, object: 'model', created: 1_700_000_000, owned_by: 'claw-sandbox' }],
    }),
  );

  app.post('/v1/chat/completions', async (c) => {
    const request = await body(c);
    if (!request)
      return failure(c, 400, 'invalid_request_error', 'The body is no JSON object of at most 16 MB.');
    const messages = Array.isArray(request.value.messages) ? (request.value.messages as Message[]) : [];
    remember(c, messages);
    const plan = planAnswer(messages, wordDelayMs);
    if (plan.kind === 'refuse') return failure(c, plan.status, plan.code, plan.message);
    serial += 1;
    const base = {
      id: `chatcmpl-sandbox-${serial}`,
      created: Math.floor(now().getTime() / 1000),
      model: String(request.value.model ?? SANDBOX_MODEL_ID),
    };
    const call = plan.call && {
      id: `call_sandbox_${serial}`,
      type: 'function',
      function: { name: plan.call.name, arguments: plan.call.arguments },
    };
    const finish = call ? 'tool_calls' : 'stop';
    const tokens = usage(request.characters, plan);
    if (request.value.stream !== true) {
      const message = {
        role: 'assistant',
        content: plan.words.join(''),
        ...(call ? { tool_calls: [call] } : {}),
      };
      return c.json({
        ...base,
        object: 'chat.completion',
        choices: [{ index: 0, message, finish_reason: finish }],
        usage: tokens,
      });
    }
    return streamSSE(c, async (stream) => {
      const chunk = async (delta: object, finish_reason: string | null = null) => {
        const choices = [{ index: 0, delta, finish_reason }];
        await stream.writeSSE({
          data: JSON.stringify({ ...base, object: 'chat.completion.chunk', choices }),
        });
      };
      await chunk({ role: 'assistant', content: '' });
      for (const word of plan.thinking) {
        if (stream.aborted) return;
        await chunk({ reasoning_content: word });
        await delay(plan.wordDelayMs);
      }
      for (const word of plan.words) {
        if (stream.aborted) return;
        await chunk({ content: word });
        await delay(plan.wordDelayMs);
      }
      if (call) await chunk({ tool_calls: [{ index: 0, ...call }] });
      await chunk({}, finish);
      await stream.writeSSE({
        data: JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [], usage: tokens }),
      });
      await stream.writeSSE({ data: '[DONE]' });
    });
  });

  app.post('/v1/responses', async (c) => {
    const request = await body(c);
    if (!request)
      return failure(c, 400, 'invalid_request_error', 'The body is no JSON object of at most 16 MB.');
    const messages = responsesMessages(request.value.input);
    remember(c, messages);
    const plan = planAnswer(messages, wordDelayMs);
    if (plan.kind === 'refuse') return failure(c, plan.status, plan.code, plan.message);
    serial += 1;
    const facts = {
      serial,
      createdAt: Math.floor(now().getTime() / 1000),
      model: String(request.value.model ?? SANDBOX_MODEL_ID),
      usage: usage(request.characters, plan),
    };
    if (request.value.stream !== true) return c.json(responsesAnswer(plan, facts));
    return streamSSE(c, async (stream) => {
      for (const { pauseMs, ...event } of responsesEvents(plan, facts)) {
        if (stream.aborted) return;
        await stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
        if (pauseMs > 0) await delay(pauseMs);
      }
    });
  });

  app.notFound((c) =>
    failure(c, 404, 'not_found', 'The sandbox model has /v1/models, /v1/chat/completions and /v1/responses.'),
  );
  return { app, recent: () => [...recent] };
}
