import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TestModel {
  baseUrl: string;
  /** The keys it was asked with, in order. */
  keys: string[];
  close(): Promise<void>;
}

interface Message {
  role: string;
  content?: string | { text?: string }[] | null;
}

const textOf = ({ content }: Message): string =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');

/** The user's words without what OpenClaw puts around them: context of its own, and the time. */
function plain(message: Message): string {
  return textOf(message)
    .replace(/<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>[\s\S]*?(<<<END_OPENCLAW_INTERNAL_CONTEXT>>>|$)/g, '')
    .replace(/\n*Runtime: agent=[^\n]*/g, '')
    .replace(/^\[\w{3} \d{4}-[^\]]*\] /, '')
    .trim();
}

/**
 * A model with OpenAI's chat completions that streams `<name> heard: <words>`, and calls the tool `exec`
 * with what follows `run:` in the last user message; for tests.
 */
export async function startTestModel(name: string): Promise<TestModel> {
  const keys: string[] = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    keys.push((request.headers.authorization ?? '').replace('Bearer ', ''));
    const { messages = [] } = JSON.parse(body || '{}') as { messages?: Message[] };
    const last = messages.findLast((message) => message.role !== 'user' || plain(message) !== '');
    const words = last ? plain(last) : '';
    const command = last?.role === 'user' ? /run:\s*(.+)/.exec(words)?.[1] : undefined;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (delta: object, finish: string | null = null) =>
      response.write(
        `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: name, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
      );
    const said =
      last?.role === 'tool' ? `${name} saw: ${words.slice(0, 200)}` : `${name} heard: ${words.slice(-200)}`;
    if (command) {
      const call = { name: 'exec', arguments: JSON.stringify({ command }) };
      send({
        role: 'assistant',
        content: null,
        tool_calls: [{ index: 0, id: `call_${keys.length}`, type: 'function', function: call }],
      });
    } else {
      for (const word of said.split(/(?<= )/)) {
        send({ role: 'assistant', content: word });
        // Slower than OpenClaw's own pooling of deltas, so that streaming shows.
        await sleep(100);
      }
    }
    send({}, command ? 'tool_calls' : 'stop');
    response.end('data: [DONE]\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    keys,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
