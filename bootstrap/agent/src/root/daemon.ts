import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { ProductError } from '@claw-cloud/contracts';
import type { z } from 'zod';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import { redactedTail } from '../redact.ts';
import { type RootAnswer, RootRequest, rootLineLimitBytes } from './protocol.ts';
import { runProgram } from './run-program.ts';
import type { RootContext, RootVerb } from './verb.ts';

export interface RootDaemonOptions {
  /** A path, or the descriptor systemd hands over. */
  listen: ListenOptions | { fd: number };
  paths: Paths;
  log: Log;
  signal: AbortSignal;
  verbs: Record<string, RootVerb<z.ZodType, z.ZodType>>;
  now?: () => Date;
  /** In place of real programs. */
  run?: RootContext['run'];
  /** Closes after this long without a request; never by default. */
  idleMs?: number;
  /** Asked after every request: true ends the daemon, for a newer agent is to answer the next. */
  isOutdated?: () => boolean;
}

const maxConnections = 32;
const requestLimitMs = 10_000;

function toError(error: unknown): { code: string; message: string; fix: string } {
  if (error instanceof ProductError) return { code: error.code, message: error.message, fix: error.fix };
  const message = error instanceof Error ? error.message : 'unknown reason';
  return {
    code: 'internal',
    message: redactedTail(message, [], 2000),
    fix: 'Try again. If it happens again, read the server’s security log.',
  };
}

/**
 * Root's side: takes one request a connection from the agent and carries out the verb it names, if it is one. The
 * server closes by itself when it has been idle for long enough or is outdated; systemd starts the next one.
 */
export async function serveRoot(options: RootDaemonOptions): Promise<Server> {
  const { paths, log, signal, verbs, now = () => new Date(), idleMs, isOutdated = () => false } = options;
  let idle: NodeJS.Timeout | undefined;
  let open = 0;
  const groups = new Map<string, Promise<unknown>>();

  const inGroup = <T>(group: string | undefined, work: () => Promise<T>): Promise<T> => {
    if (group === undefined) return work();
    const turn = (groups.get(group) ?? Promise.resolve()).then(work, work);
    groups.set(
      group,
      turn.catch(() => undefined),
    );
    return turn;
  };

  const carryOut = async (line: string, progress: RootContext['progress']): Promise<unknown> => {
    const request = RootRequest.parse(JSON.parse(line));
    const verb = Object.hasOwn(verbs, request.verb) ? verbs[request.verb] : undefined;
    if (!verb)
      throw new ProductError('not_found', `Root knows no verb "${request.verb}".`, 'Update the agent.');
    const params = verb.params.safeParse(request.params);
    if (!params.success) {
      const issue = params.error.issues[0];
      throw new ProductError(
        'invalid_request',
        `${request.verb}, ${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'malformed'}`,
        'Correct it and ask again.',
      );
    }
    return inGroup(verb.group, async () => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(verb.limitMs)]);
      const run: RootContext['run'] =
        options.run ?? ((argv, runOptions = {}) => runProgram(argv, runOptions, limit));
      const must: RootContext['must'] = async (argv, runOptions) => {
        const { code, stdout, stderr } = await run(argv, runOptions);
        if (code !== 0)
          throw new Error(
            `${argv.slice(0, 3).join(' ')} ended with ${code}: ${(stderr || stdout).trim().slice(-1500)}`,
          );
        return stdout;
      };
      log(`root: ${request.verb}`);
      const value = await verb.work(params.data, { paths, log, run, must, progress, signal: limit, now });
      return verb.result.parse(value);
    });
  };

  /** With no connection left, ends the server: at once when outdated, else after a while. */
  const rest = (): void => {
    clearTimeout(idle);
    if (open > 0) return;
    if (isOutdated()) server.close();
    else if (idleMs !== undefined) idle = setTimeout(() => server.close(), idleMs);
  };

  const serve = (socket: Socket): void => {
    open += 1;
    clearTimeout(idle);
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    const limit = setTimeout(() => socket.destroy(), requestLimitMs);
    let text = '';
    const say = (answer: RootAnswer): void => {
      if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
    };
    const onData = (chunk: string): void => {
      text += chunk;
      if (text.length > rootLineLimitBytes) return void socket.destroy();
      const end = text.indexOf('\n');
      if (end < 0) return;
      clearTimeout(limit);
      socket.off('data', onData);
      // Whoever asked may leave; the daemon stays until its work is done.
      open += 1;
      carryOut(text.slice(0, end), (step, message, fraction) =>
        say({
          type: 'progress',
          step,
          message: message.slice(0, 500),
          ...(fraction === undefined ? {} : { fraction }),
        }),
      )
        .then(
          (value) => say({ type: 'result', value }),
          (error: unknown) => {
            log(`root: failed: ${error instanceof Error ? error.message : 'unknown'}`);
            say({ type: 'error', error: toError(error) });
          },
        )
        .finally(() => {
          socket.end();
          open -= 1;
          rest();
        });
    };
    socket.on('data', onData);
    socket.on('close', () => {
      clearTimeout(limit);
      open -= 1;
      rest();
    });
  };

  const server = createServer(serve);
  server.maxConnections = maxConnections;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options.listen, resolve);
  await promise;
  const onAbort = (): void => void server.close();
  signal.addEventListener('abort', onAbort, { once: true });
  server.once('close', () => {
    clearTimeout(idle);
    signal.removeEventListener('abort', onAbort);
  });
  rest();
  return server;
}
