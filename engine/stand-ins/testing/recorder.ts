import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Recorded = {
  method: string;
  path: string;
  query: string;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
};
export type Answer = { status?: number; headers?: Record<string, string>; json?: unknown; text?: string };

/** A web server on a free port that writes down what it is asked, and answers as it is told. */
export async function startRecorder(answer: (request: Recorded) => Answer | Promise<Answer>) {
  const requests: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', async () => {
      const url = new URL(incoming.url ?? '/', 'http://recorder');
      const request: Recorded = {
        method: incoming.method ?? '',
        path: url.pathname,
        query: url.search,
        headers: incoming.headers,
        body: Buffer.concat(parts).toString('utf8'),
      };
      requests.push(request);
      const { status = 200, headers = {}, json, text } = await answer(request);
      const type = json === undefined ? 'text/xml' : 'application/json';
      outgoing.writeHead(status, { 'content-type': type, ...headers });
      outgoing.end(json === undefined ? text : JSON.stringify(json));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** What was asked since the last time, as `METHOD path`. */
    taken: () => requests.splice(0).map(({ method, path }) => `${method} ${path}`),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Recorder = Awaited<ReturnType<typeof startRecorder>>;
