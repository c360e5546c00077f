import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import type { Authority } from '../authority.ts';
import type { Archives } from '../host-packages.ts';
import type { FaultBoard, FaultKind } from './faults.ts';
import type { Registry } from './registry.ts';
import type { Store } from './store.ts';

export interface WorldRequest {
  /** Milliseconds of the Unix epoch. */
  at: number;
  /** The machine's address. */
  from: string;
  host: string;
  url: string;
  /** 0 when it was answered by no status: refused, or left hanging. */
  status: number;
}

export interface WebOptions {
  http: Server;
  https: Server;
  authority: Authority;
  archives: Archives;
  store: Store;
  registry: Registry;
  registryHost: string;
  faults: FaultBoard;
  seen: (request: WorldRequest) => void;
  now: () => number;
}

/** An archive's pool and its files by hash never change under one address. */
const isImmutable = (path: string) => /\/pool\/.*\.deb$|\/by-hash\//.test(path);

type Answer = { status: number; type?: string; body?: Buffer; file?: string; size?: number };

/** The web as machines know it: this computer's package archives and registry under any name, and nothing more. */
export function serveWeb(options: WebOptions): () => Promise<void> {
  const { authority, archives, store, registry, registryHost, faults, seen, now } = options;

  /** Which archive a request means: by path, as every mirror has the same two trees. */
  function archiveOf(path: string): string | undefined {
    const tree = /^\/(debian|debian-security)\/(.*)$/.exec(path);
    if (!tree) return undefined;
    return `${tree[1] === 'debian' ? archives.main : archives.security}/${tree[2]}`;
  }

  async function find(host: string, path: string, accept: string): Promise<Answer> {
    if (host === registryHost) return registry.answer(path, accept);
    const address = archiveOf(path);
    if (!address)
      return { status: 403, type: 'text/plain', body: Buffer.from('There is no such host in the lab.\n') };
    const found = await store.get(address, { immutable: isImmutable(path) });
    if (found.status !== 200) return { status: found.status };
    return {
      status: 200,
      type: found.headers['content-type'] ?? 'application/octet-stream',
      file: found.file,
      size: found.size,
    };
  }

  /** As they were accepted, also beneath TLS. */
  const sockets = new Map<string, Socket>();
  const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

  async function handle(request: IncomingMessage, response: ServerResponse, scheme: string): Promise<void> {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    const path = request.url ?? '/';
    const note = (status: number) =>
      seen({
        at: now(),
        from: request.socket.remoteAddress ?? '',
        host,
        url: `${scheme}://${host}${path}`,
        status,
      });
    const fault = faults.take(host === registryHost ? 'npm' : 'apt');
    if (fault === 'hang') return note(0);
    if (fault === 'refuse') {
      note(0);
      sockets.get(keyOf(request.socket))?.resetAndDestroy();
      return;
    }
    const answer: Answer =
      fault === '500'
        ? { status: 500, body: Buffer.from('broken on purpose\n') }
        : await find(host, path, request.headers.accept ?? '').catch((error: unknown) => ({
            status: 502,
            type: 'text/plain',
            body: Buffer.from(`${String(error).slice(0, 300)}\n`),
          }));
    note(answer.status);
    await send(request, response, answer, fault);
  }

  async function send(request: IncomingMessage, response: ServerResponse, answer: Answer, fault?: FaultKind) {
    const size = answer.body?.length ?? answer.size ?? 0;
    response.writeHead(answer.status, {
      'content-type': answer.type ?? 'text/plain',
      'content-length': size,
    });
    if (request.method === 'HEAD') return void response.end();
    if (fault === 'half' || fault === 'wrong-bytes') {
      const bytes = Buffer.from(answer.body ?? (answer.file ? readFileSync(answer.file) : ''));
      if (fault === 'wrong-bytes') {
        const middle = Math.floor(bytes.length / 2);
        if (bytes.length > 0) bytes[middle] = bytes[middle]! ^ 0x55;
        return void response.end(bytes);
      }
      return void response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () =>
        request.socket.destroy(),
      );
    }
    if (answer.file)
      createReadStream(answer.file)
        .on('error', () => response.destroy())
        .pipe(response);
    else response.end(answer.body);
  }

  const plain = createServer((request, response) => void handle(request, response, 'http'));
  const secure = createSecureServer(
    {
      SNICallback: (name, done) => {
        authority.contextFor(name).then(
          (context) => done(null, context),
          (error: Error) => done(error),
        );
      },
      ALPNProtocols: ['http/1.1'],
    },
    (request, response) => void handle(request, response, 'https'),
  );
  for (const [listening, server] of [
    [options.http, plain],
    [options.https, secure],
  ] as const) {
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('tlsClientError', () => undefined);
    listening.on('connection', (socket: Socket) => {
      const key = keyOf(socket);
      sockets.set(key, socket);
      socket.on('close', () => sockets.delete(key));
      socket.on('error', () => undefined);
      server.emit('connection', socket);
    });
  }
  return async () => {
    options.http.close();
    options.https.close();
    for (const socket of sockets.values()) socket.destroy();
  };
}
