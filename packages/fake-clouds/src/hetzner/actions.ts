import { setTimeout as delay } from 'node:timers/promises';
import { stamp } from './context.ts';
import type { ActionRow, StateStore } from './state.ts';

export interface ActionOrder {
  project: string;
  command: string;
  resources: { id: number; type: string }[];
  /** What the action does; a throw ends it as `error`. */
  effect?: () => Promise<void> | void;
  /** `stuck` never ends, `fails` ends as an error after its time without doing anything. */
  outcome?: 'stuck' | 'fails';
  /** Starts after this one ended well; ends as an error when it didn't. */
  after?: ActionRow;
}

export interface ActionEngine {
  start(order: ActionOrder): ActionRow;
  /** Something that goes on after its action has ended; `idle` waits for it too. */
  background(task: () => Promise<void>): void;
  /** Settles when no action is under way any more (stuck ones aside). */
  idle(): Promise<void>;
  close(): void;
}

/**
 * Runs the asynchronous half of the API: an action is stored as running, does its effect after `actionMs`, and ends
 * as success or error. The row is saved at each step.
 */
export function createActionEngine(options: {
  store: StateStore;
  now: () => Date;
  actionMs: number;
  log: (line: string) => void;
}): ActionEngine {
  const { store, now } = options;
  const underway = new Map<number, Promise<void>>();
  const closing = new AbortController();

  function finish(row: ActionRow, error: ActionRow['error']) {
    row.status = error ? 'error' : 'success';
    row.error = error;
    row.progress = 100;
    row.finished = stamp(now());
    store.save();
  }

  async function run(row: ActionRow, order: ActionOrder): Promise<void> {
    if (order.after) {
      await underway.get(order.after.id);
      if (order.after.status !== 'success') {
        finish(row, { code: 'action_failed', message: `${order.after.command} failed` });
        return;
      }
    }
    await delay(options.actionMs, undefined, { signal: closing.signal });
    if (order.outcome === 'fails') {
      finish(row, { code: 'action_failed', message: 'Action failed' });
      return;
    }
    row.progress = 50;
    try {
      await order.effect?.();
      finish(row, null);
    } catch (error) {
      options.log(
        `action ${row.command} ${row.id} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
      finish(row, { code: 'action_failed', message: 'Action failed' });
    }
  }

  return {
    start(order) {
      const row: ActionRow = {
        id: store.nextId(),
        command: order.command,
        status: 'running',
        progress: 0,
        started: stamp(now()),
        finished: null,
        resources: order.resources,
        error: null,
      };
      store.project(order.project).actions.push(row);
      store.save();
      if (order.outcome !== 'stuck') {
        const task = run(row, order)
          .catch(() => undefined) // closed in the middle: the row stays running and the next start settles it
          .finally(() => underway.delete(row.id));
        underway.set(row.id, task);
      }
      return row;
    },
    background(task) {
      // An id of its own below all of rows: what it is has no row.
      const id = -store.nextId();
      const running = delay(options.actionMs, undefined, { signal: closing.signal })
        .then(task)
        .then(() => store.save())
        .catch((error: unknown) => {
          if (!closing.signal.aborted) options.log(`background work failed: ${String(error)}`);
        })
        .finally(() => underway.delete(id));
      underway.set(id, running);
    },
    async idle() {
      while (underway.size > 0) await Promise.all(underway.values());
    },
    close() {
      closing.abort();
    },
  };
}
