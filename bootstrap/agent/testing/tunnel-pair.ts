import http2 from 'node:http2';
import { duplexPair } from 'node:stream';

export interface TunnelPair {
  /** The api's end. */
  session: http2.ClientHttp2Session;
  close(): void;
}

/** Both ends of a tunnel in this process, without a network; for tests. */
export function openTunnelPair(
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
): TunnelPair {
  const [agentEnd, apiEnd] = duplexPair();
  const server = http2.performServerHandshake(agentEnd);
  server.on('error', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  const session = http2.connect('http://agent', { createConnection: () => apiEnd });
  session.on('error', () => undefined);
  return {
    session,
    close() {
      session.destroy();
      server.destroy();
    },
  };
}

/** One request and its answer. */
export async function askAgent(
  session: http2.ClientHttp2Session,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const stream = session.request({ ':method': method, ':path': path }, { endStream: body === undefined });
  if (body !== undefined) stream.end(JSON.stringify(body));
  let status = 0;
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  let text = '';
  for await (const chunk of stream) text += chunk;
  return { status, body: text === '' ? null : JSON.parse(text) };
}
