import {
  type OwnerCommandName,
  type OwnerFrame,
  type ownerCommands,
  ownerResults,
} from '@claw-cloud/contracts';
import type { z } from 'zod';
import { ChannelError, lost } from './problem.ts';

export type ProgressFrame = Extract<OwnerFrame, { type: 'progress' }>;
/** What a command answers. */
export type OwnerResult<N extends OwnerCommandName> = z.output<(typeof ownerResults)[N]>;

interface Waiting {
  settle(frame: OwnerFrame | null): void;
  progress(frame: ProgressFrame): void;
}

/** The commands that wait for their answers on one connection. */
export interface Commands {
  command<N extends OwnerCommandName>(
    name: N,
    params: z.input<(typeof ownerCommands)[N]>,
    options?: { timeoutMs?: number; onProgress?: (progress: ProgressFrame) => void },
  ): Promise<OwnerResult<N>>;
  /** Whether the frame was the answer of a command, or a word of one. */
  heard(frame: OwnerFrame): boolean;
  /** The connection is gone: no answer will come. */
  lose(): void;
}

const late = () =>
  new ChannelError('timed_out', 'Your server did not answer in time.', 'Try again in a moment.');
const unreadable = () =>
  new ChannelError(
    'version_mismatch',
    'Your server answered something this page does not understand.',
    'Reload the page, or update the server.',
  );

/** Sends commands by `send` and finds their answers among what is heard; answers are checked by the contracts. */
export function createCommands(send: (frame: OwnerFrame) => void): Commands {
  const waiting = new Map<string, Waiting>();
  let count = 0;

  return {
    command(name, params, { timeoutMs = 30_000, onProgress } = {}) {
      count += 1;
      const id = `c${count}`;
      const { promise, resolve, reject } = Promise.withResolvers<OwnerResult<typeof name>>();
      const end = (): void => {
        clearTimeout(timer);
        waiting.delete(id);
      };
      const onLate = (): void => {
        end();
        reject(late());
      };
      let timer = setTimeout(onLate, timeoutMs);
      waiting.set(id, {
        progress(frame) {
          clearTimeout(timer);
          timer = setTimeout(onLate, timeoutMs);
          onProgress?.(frame);
        },
        settle(frame) {
          end();
          if (frame?.type === 'result') {
            const value = ownerResults[name].safeParse(frame.value);
            // The table pairs each name with its own result; the compiler can't follow it through the name.
            if (value.success) resolve(value.data as OwnerResult<typeof name>);
            else reject(unreadable());
          } else if (frame?.type === 'error')
            reject(new ChannelError(frame.error.code, frame.error.message, frame.error.fix));
          else reject(lost());
        },
      });
      try {
        send({ type: 'command', id, name, params });
      } catch (error) {
        end();
        reject(error);
      }
      return promise;
    },
    heard(frame) {
      if (frame.type === 'progress') waiting.get(frame.id)?.progress(frame);
      else if (frame.type === 'result' || frame.type === 'error') waiting.get(frame.id)?.settle(frame);
      else return false;
      return true;
    },
    lose() {
      for (const one of [...waiting.values()]) one.settle(null);
    },
  };
}
