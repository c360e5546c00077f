import { setTimeout as delay } from 'node:timers/promises';
import type { CloudParts } from './context.ts';
import type { InstanceRow } from './state.ts';

const maxBootDelayMs = 3_600_000;

export interface InstanceLife {
  /** Turns a pending instance active after the cloud's time, and boots it; or suspends it, which is its end. */
  begin(row: InstanceRow, how?: 'boots' | 'fails'): void;
  start(row: InstanceRow): Promise<void>;
  halt(row: InstanceRow): Promise<void>;
  reboot(row: InstanceRow): Promise<void>;
  /** Changes the plan after the cloud's time; the machine starts anew with it. */
  grow(row: InstanceRow, plan: string): void;
  /** Takes the instance out of the account at once and ends its machine. */
  remove(accountName: string, row: InstanceRow): Promise<void>;
  /** Settles when nothing is under way. */
  idle(): Promise<void>;
  close(): void;
}

/** What happens to an instance between the API's answers. */
export function createInstanceLife(parts: CloudParts): InstanceLife {
  const { machines, store, actionMs, log } = parts;
  const closing = new AbortController();
  const gone = new WeakSet<InstanceRow>();
  const under = new Set<Promise<void>>();

  /** Does something later, unless the cloud closes or the instance is gone by then. */
  function later(row: InstanceRow, ms: number, effect: () => Promise<void>, counted = true): void {
    const work = delay(ms, undefined, { signal: closing.signal, ref: false })
      .then(async () => {
        if (!gone.has(row)) await effect();
      })
      .catch((error: unknown) => {
        if (!closing.signal.aborted) log(`instance ${row.id}: ${String(error)}`);
      })
      .finally(() => under.delete(work));
    if (counted) under.add(work);
  }

  async function boot(row: InstanceRow): Promise<void> {
    row.power = 'running';
    if (row.boot.kind === 'never') return;
    const on = async () => {
      await machines.powerOn(row.machine);
      row.health = 'ok';
    };
    if (row.boot.kind === 'slow') later(row, Math.min(row.boot.delayMs, maxBootDelayMs), on, false);
    else await on();
  }

  return {
    begin(row, how = 'boots') {
      later(row, actionMs, async () => {
        if (how === 'fails') {
          row.status = 'suspended';
          return;
        }
        row.status = 'active';
        row.health = 'installingbooting';
        await boot(row);
      });
    },
    async start(row) {
      if (row.power === 'stopped') await boot(row);
    },
    // Halt is the vendor's only "off": it asks nothing of the operating system.
    async halt(row) {
      await machines.powerOff(row.machine, 'pull');
      row.power = 'stopped';
    },
    async reboot(row) {
      row.power = 'running';
      if (row.boot.kind !== 'never') await machines.reboot(row.machine, 'pull');
    },
    grow(row, plan) {
      row.status = 'resizing';
      later(row, actionMs, async () => {
        row.plan = plan;
        row.status = 'active';
        if (row.power === 'running') await machines.reboot(row.machine, 'shutdown');
      });
    },
    async remove(accountName, row) {
      gone.add(row);
      const account = store.account(accountName);
      account.instances = account.instances.filter((candidate) => candidate !== row);
      for (const block of account.blocks) if (block.attachedTo === row.id) block.attachedTo = '';
      for (const ip of account.reservedIps) if (ip.attachedTo === row.id) ip.attachedTo = '';
      store.record({ event: 'deleted', account: accountName, id: row.id, tags: row.tags });
      await machines.destroy(row.machine);
    },
    async idle() {
      while (under.size > 0) await Promise.all(under);
    },
    close: () => closing.abort(),
  };
}
