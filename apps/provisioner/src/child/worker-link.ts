import { type ErrorCode, errorCodes, ProductError } from '@claw-cloud/contracts';
import type { Log } from '../log.ts';
import type { ChildSettings, NoteName, Notes, Task, TaskResult, ToChild, ToWorker } from './protocol.ts';

export interface WorkerLink {
  readonly started: Promise<{ settings: ChildSettings; task: Task }>;
  readonly notes: Notes;
  readonly log: Log;
  /** Tells that a plugin of the engine is at work. */
  readonly pluginAtWork: (name: string) => void;
  /** Aborted when the worker asks for an end or is gone. */
  readonly interrupted: AbortSignal;
  /** Resolves when the worker is gone. */
  readonly lost: Promise<void>;
  finish(result: TaskResult): Promise<void>;
}

const isErrorCode = (code: string): code is ErrorCode => (errorCodes as readonly string[]).includes(code);

/** The child's end of the IPC channel. */
export function linkToWorker(channel: NodeJS.Process = process): WorkerLink {
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const interrupting = new AbortController();
  const start = Promise.withResolvers<{ settings: ChildSettings; task: Task }>();
  const lost = Promise.withResolvers<void>();
  let nextId = 1;

  const send = (message: ToWorker) =>
    new Promise<void>((resolve, reject) => {
      if (!channel.send || !channel.connected) return reject(new Error('the worker is gone'));
      channel.send(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
    });

  channel.on('message', (raw: unknown) => {
    const message = raw as ToChild;
    if (message.type === 'start') start.resolve({ settings: message.settings, task: message.task });
    if (message.type === 'interrupt') interrupting.abort(new Error('interrupted'));
    if (message.type !== 'noted') return;
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.ok) call?.resolve();
    else
      call?.reject(
        new ProductError(
          isErrorCode(message.code) ? message.code : 'internal',
          message.message,
          'Try again.',
        ),
      );
  });
  channel.on('disconnect', () => {
    for (const call of waiting.values()) call.reject(new Error('the worker is gone'));
    waiting.clear();
    interrupting.abort(new Error('the worker is gone'));
    lost.resolve();
  });

  async function note(name: NoteName, args: unknown[]): Promise<void> {
    const id = nextId++;
    const answered = new Promise<void>((resolve, reject) => waiting.set(id, { resolve, reject }));
    send({ type: 'note', id, name, args }).catch((error: Error) => {
      waiting.get(id)?.reject(error);
      waiting.delete(id);
    });
    return answered;
  }

  send({ type: 'hello' }).catch(() => lost.resolve());
  return {
    started: start.promise,
    interrupted: interrupting.signal,
    lost: lost.promise,
    log: (level, message, fields = {}) =>
      void send({ type: 'log', level, message, fields }).catch(() => undefined),
    pluginAtWork: (name) => void send({ type: 'plugin', name }).catch(() => undefined),
    notes: {
      setState: (state) => note('setState', [state]),
      appendEvent: (kind, data) => note('appendEvent', [kind, data]),
      storeStackSecret: (envelope) => note('storeStackSecret', [envelope]),
      storeRegistration: (tokenHash, expiresAt) => note('storeRegistration', [tokenHash, expiresAt]),
      eraseEnrolment: () => note('eraseEnrolment', []),
      auditUse: (purpose) => note('auditUse', [purpose]),
    },
    finish: (result) => send({ type: 'result', result }),
  };
}
