import type { HistoryEntry } from '../hetzner/state.ts';

export interface ServerCounts {
  created: number;
  deleted: number;
  alive: number;
  /** The most servers that ever lived at the same time under one `key=value` label. */
  peakAliveByLabel: Record<string, number>;
}

/** Counts over all that ever happened: what a test needs to say "exactly one server ever alive". */
export function countServers(history: HistoryEntry[]): ServerCounts {
  const alive = new Map<number, string[]>();
  const perLabel = new Map<string, number>();
  const peak = new Map<string, number>();
  let created = 0;
  let deleted = 0;
  for (const entry of history) {
    if (entry.event === 'created') {
      created += 1;
      const labels = Object.entries(entry.labels).map(([key, value]) => `${key}=${value}`);
      alive.set(entry.serverId, labels);
      for (const label of labels) {
        const now = (perLabel.get(label) ?? 0) + 1;
        perLabel.set(label, now);
        peak.set(label, Math.max(peak.get(label) ?? 0, now));
      }
    } else {
      deleted += 1;
      for (const label of alive.get(entry.serverId) ?? [])
        perLabel.set(label, (perLabel.get(label) ?? 1) - 1);
      alive.delete(entry.serverId);
    }
  }
  return { created, deleted, alive: alive.size, peakAliveByLabel: Object.fromEntries(peak) };
}
