import { setTimeout as delay } from 'node:timers/promises';
import { stamp } from './context.ts';
import type { AccountState, ActionRow, DropletRow } from './state.ts';

const maxActions = 2_000;

export interface ActionOrder {
  readonly account: AccountState;
  readonly droplet: DropletRow;
  readonly type: string;
  /** What the action does after its time; a throw ends it as `errored`. */
  readonly effect?: () => Promise<void> | void;
  /** `stuck` never ends; `fails` ends as `errored` after its time, with `effect` undone or not done. */
  readonly outcome?: 'stuck' | 'fails';
}

export interface ActionEngine {
  /** Locks the droplet until the action ends. */
  start(order: ActionOrder): ActionRow;
  /** Settles when no action is under way any more (stuck ones aside). */
  idle(): Promise<void>;
  close(): void;
}

/** Runs the half of the API that takes time. */
export function createActionEngine(options: {
  now: () => Date;
  nextId: () => number;
  actionMs: number;
}): ActionEngine {
  const { now, nextId } = options;
  const underway = new Set<Promise<void>>();
  const closing = new AbortController();

  async function run(row: ActionRow, { droplet, effect, outcome }: ActionOrder): Promise<void> {
    await delay(options.actionMs, undefined, { signal: closing.signal });
    let failed = outcome === 'fails';
    try {
      await effect?.();
    } catch {
      failed = true;
    }
    droplet.locked = false;
    row.status = failed ? 'errored' : 'completed';
    row.completedAt = stamp(now());
  }

  return {
    start(order) {
      const { account, droplet, type } = order;
      const row: ActionRow = {
        id: nextId(),
        status: 'in-progress',
        type,
        startedAt: stamp(now()),
        completedAt: null,
        dropletId: droplet.id,
        region: droplet.region,
      };
      account.actions.push(row);
      if (account.actions.length > maxActions) account.actions.splice(0, account.actions.length - maxActions);
      droplet.locked = true;
      if (order.outcome !== 'stuck') {
        const task: Promise<void> = run(row, order)
          .catch(() => undefined) // closed in the middle: nobody asks any more
          .finally(() => underway.delete(task));
        underway.add(task);
      }
      return row;
    },
    async idle() {
      while (underway.size > 0) await Promise.all(underway);
    },
    close() {
      closing.abort();
    },
  };
}
