import type http2 from 'node:http2';
import type { InstanceHealth } from '@claw-cloud/contracts';

export type StreamHandler = (
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
) => void | Promise<void>;

/** What the control plane may ask for through the tunnel. Nothing else is there to be asked. */
export interface Routes {
  'GET /health': StreamHandler;
  'POST /owner': StreamHandler;
  'POST /reports': StreamHandler;
  'POST /gateway/restart': StreamHandler;
  'POST /release-offer': StreamHandler;
  /** Raw bytes of a supporter's SSH connection; absent in a process sandbox. */
  'POST /support'?: StreamHandler;
}

/** Hands a stream of the tunnel to what it asks for; 404 for the rest. */
export function createRouter(
  routes: Routes,
): (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void {
  const known = new Map<string, StreamHandler>(Object.entries(routes));
  return (stream, headers) => {
    const handler = known.get(`${headers[':method']} ${headers[':path']}`);
    // A handler that fails has lost its stream, or is to lose it.
    if (handler) Promise.resolve(handler(stream, headers)).catch(() => stream.close());
    else stream.respond({ ':status': 404 }, { endStream: true });
  };
}

/** Answers with JSON. */
export function answerJson(stream: http2.ServerHttp2Stream, status: number, body: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ':status': status, 'content-type': 'application/json' });
  stream.end(JSON.stringify(body));
}

/** Serves `GET /health`; `onAnswered` is called once an answer has gone out whole. */
export const serveHealth =
  (health: () => InstanceHealth, onAnswered: () => void): StreamHandler =>
  (stream) => {
    stream.once('finish', onAnswered);
    answerJson(stream, 200, health());
  };

/** The body as JSON; null where it is none or longer than `limitBytes`. */
export async function readJson(stream: http2.ServerHttp2Stream, limitBytes: number): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    // Not closed when too long: who asked is to get an answer.
    for await (const part of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limitBytes) return null;
      parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return null;
  }
}
