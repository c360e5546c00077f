import { connect } from 'node:net';
import { type ErrorCode, errorCatalogue, ProductError } from '@claw-cloud/contracts';
import type { z } from 'zod';
import { RootAnswer, rootLineLimitBytes } from './protocol.ts';
import type { Verbs } from './verbs/index.ts';

export type VerbName = keyof Verbs;
export type VerbParams<N extends VerbName> = z.input<Verbs[N]['params']>;
export type VerbResult<N extends VerbName> = z.output<Verbs[N]['result']>;

export interface AskOptions {
  /** The verb has its own limit; this one is for a daemon that doesn't answer at all. @default 15 minutes */
  timeoutMs?: number;
  onProgress?: (step: string, message: string, fraction?: number) => void;
  signal?: AbortSignal;
}

/** The agent's way to root. */
export interface Root {
  /** Raises a ProductError with root's own code, or `unavailable` where root doesn't answer. */
  ask<N extends VerbName>(verb: N, params: VerbParams<N>, options?: AskOptions): Promise<VerbResult<N>>;
}

const unavailable = (why: string): ProductError =>
  new ProductError(
    'unavailable',
    `The server’s own root service did not answer: ${why}`,
    'Try again in a moment. If it happens again, restart the server from your cloud’s console.',
  );

function toProductError({
  code,
  message,
  fix,
}: {
  code: string;
  message: string;
  fix: string;
}): ProductError {
  const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'internal';
  return new ProductError(known, message, fix);
}

/** Asks root's daemon at its socket; one connection a request. */
export function createRoot(socketPath: string): Root {
  return {
    ask(verb, params, { timeoutMs = 15 * 60_000, onProgress, signal } = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      const socket = connect(socketPath);
      socket.setEncoding('utf8');
      let text = '';
      const settle = (work: () => void): void => {
        clearTimeout(limit);
        signal?.removeEventListener('abort', onAbort);
        socket.destroy();
        work();
      };
      const limit = setTimeout(
        () => settle(() => reject(unavailable(`${verb} took longer than ${Math.round(timeoutMs / 1000)} s`))),
        timeoutMs,
      );
      const onAbort = (): void => settle(() => reject(signal?.reason));
      signal?.addEventListener('abort', onAbort, { once: true });
      const onLine = (line: string): void => {
        const answer = RootAnswer.safeParse(JSON.parse(line));
        if (!answer.success) {
          settle(() => reject(unavailable('it answered something else')));
          return;
        }
        const { data } = answer;
        if (data.type === 'progress') onProgress?.(data.step, data.message, data.fraction);
        // The daemon has checked it against the verb's own schema.
        else if (data.type === 'result') settle(() => resolve(data.value as never));
        else settle(() => reject(toProductError(data.error)));
      };
      socket.on('connect', () => socket.write(`${JSON.stringify({ verb, params })}\n`));
      socket.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > rootLineLimitBytes)
          return settle(() => reject(unavailable('it answered too much')));
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          onLine(line);
        }
      });
      socket.on('error', (error) => settle(() => reject(unavailable(error.message))));
      socket.on('close', () => settle(() => reject(unavailable('it hung up'))));
      return promise;
    },
  };
}
