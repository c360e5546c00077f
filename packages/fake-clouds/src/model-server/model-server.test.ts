import { expect, test } from 'vitest';
import type { ModelRequest } from './model-server.ts';
import { createModelServer, SANDBOX_MODEL_ID } from './model-server.ts';

function setUp() {
  const requests: ModelRequest[] = [];
  const server = createModelServer({ wordDelayMs: 0, onRequest: (request) => requests.push(request) });
  const post = (path: string, body: unknown) =>
    server.app.request(`/v1${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer key' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { server, requests, post };
}

const user = (content: unknown) => ({ role: 'user', content });

/** The answer's JSON, to be read freely. */
async function json(response: Response) {
  return JSON.parse(await response.text());
}

/** The data lines of an event stream, parsed; `[DONE]` as text. */
async function events(response: Response) {
  return (await response.text())
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (line === 'data: [DONE]' ? '[DONE]' : JSON.parse(line.slice(6))));
}

test('names its one model and says whose answer it is', async () => {
  const { server, post, requests } = setUp();
  const models = await json(await server.app.request('/v1/models'));
  expect(models.data).toMatchObject([{ id: SANDBOX_MODEL_ID, owned_by: 'claw-sandbox' }]);
  const answer = await json(
    await post('/chat/completions', { model: 'sandbox-1', messages: [user('Hello')] }),
  );
  expect(answer.choices[0].message.content).toBe("This is the sandbox's own small model. You said: Hello");
  expect(requests).toEqual([{ authorization: 'Bearer key', lastUserText: 'Hello' }]);
});

test('never repeats the internal context of OpenClaw', async () => {
  const { post } = setUp();
  const internal = '<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nsecret plan\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>';
  const messages = [user([{ type: 'text', text: '[Sat 2026-11-21 10:00 UTC] Hello' }]), user(internal)];
  const answer = await json(await post('/chat/completions', { messages }));
  expect(answer.choices[0].message.content).toMatch(/You said: Hello$/);
});

test('streams word by word, with usage at the end', async () => {
  const { post } = setUp();
  const all = await events(
    await post('/chat/completions', { stream: true, messages: [user('[think] one two')] }),
  );
  expect(all.at(-1)).toBe('[DONE]');
  expect(all.at(-2).usage.total_tokens).toBeGreaterThan(0);
  const deltas = all.slice(0, -2).map((chunk) => chunk.choices[0].delta);
  expect(deltas.filter((delta) => delta.reasoning_content)).toHaveLength(3);
  const words = deltas.flatMap((delta) => (delta.content ? [delta.content] : []));
  expect(words.length).toBeGreaterThan(8);
  expect(words.join('')).toMatch(/one two$/);
  expect(all.at(-3).choices[0].finish_reason).toBe('stop');
});

test.each([
  ['[tool]', 'exec', { command: 'echo hello-from-the-tool && uname -s' }],
  ['please [tool:read {"path":"/a {b}"}] now', 'read', { path: '/a {b}' }],
  ['[tool:list]', 'list', {}],
])('%s calls a tool, and its result is told', async (text, name, args) => {
  const { post } = setUp();
  const all = await events(await post('/chat/completions', { stream: true, messages: [user(text)] }));
  const call = all.flatMap((chunk) => chunk.choices?.[0]?.delta?.tool_calls ?? [])[0];
  expect(call.function.name).toBe(name);
  expect(JSON.parse(call.function.arguments)).toEqual(args);
  const messages = [
    user(text),
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', content: 'Linux' },
  ];
  const told = await json(await post('/chat/completions', { messages }));
  expect(told.choices[0].message.content).toBe('The tool answered: Linux');
});

test.each([
  ['[error]', 500],
  ['[429]', 429],
  ['[401]', 401],
])('%s is refused with %i', async (text, status) => {
  const { post } = setUp();
  for (const [path, body] of [
    ['/chat/completions', { messages: [user(text)] }],
    ['/responses', { input: text }],
  ] as const) {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect((await json(answer)).error.message).toContain('sandbox model');
  }
});

test('[slow] has a hundred words', async () => {
  const { post } = setUp();
  const answer = await json(await post('/chat/completions', { messages: [user('[slow]')] }));
  expect(answer.choices[0].message.content.trim().split(' ')).toHaveLength(100);
});

test('speaks the responses format, streamed and whole', async () => {
  const { post } = setUp();
  const whole = await json(
    await post('/responses', { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }] }),
  );
  expect(whole).toMatchObject({ object: 'response', status: 'completed' });
  expect(whole.output[0].content[0].text).toMatch(/You said: Hi$/);
  const all = await events(await post('/responses', { stream: true, input: 'go [tool]' }));
  expect(all.map((event) => event.sequence_number)).toEqual(all.map((_, index) => index));
  expect(all[0].type).toBe('response.created');
  expect(all.at(-1)).toMatchObject({
    type: 'response.completed',
    response: { output: [{}, { type: 'function_call', name: 'exec' }] },
  });
  expect(JSON.stringify(all)).not.toContain('pauseMs');
});

test('refuses a body that is none, and keeps the last 50 requests only', async () => {
  const { server, post } = setUp();
  expect((await post('/chat/completions', 'nonsense')).status).toBe(400);
  expect((await post('/nothing', {})).status).toBe(404);
  for (let index = 0; index < 60; index += 1)
    await post('/chat/completions', { messages: [user(`m${index}`)] });
  expect(server.recent()).toHaveLength(50);
  expect(server.recent()[0]?.lastUserText).toBe('m10');
});
