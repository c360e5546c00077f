import type { InstanceEvent, Receipt, ReceiptEntry } from '@claw-cloud/contracts';
import type { CloudResource } from '@claw-cloud/providers';
import type { OperationParts } from './parts.ts';
import type { Notes } from './protocol.ts';

interface Seen {
  entry: ReceiptEntry;
  deletedAt: string | null;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/**
 * What an instance's resource events, and listings of the cloud, tell of its life in the cloud. Feed it in order of
 * time; the same fact twice changes nothing.
 */
export function createLedger(): {
  hear(event: Pick<InstanceEvent, 'kind' | 'at' | 'data'>): void;
  /** Listed in the cloud: so it was made, whoever saw it being made. */
  found(resources: readonly CloudResource[]): void;
  gone(resource: Pick<CloudResource, 'kind' | 'id'>, at: string): void;
  /** What was made and isn't known to be gone. */
  open(): Pick<CloudResource, 'kind' | 'id' | 'name'>[];
  receipt(instanceId: string, left: readonly CloudResource[], listedAt: string): Receipt;
} {
  const seen = new Map<string, Seen>();
  const key = (kind: string, id: string) => `${kind} ${id}`;
  const entryOf = (resource: CloudResource): ReceiptEntry => ({
    kind: resource.kind,
    id: resource.id,
    name: resource.name,
    at: resource.createdAt,
  });

  return {
    hear({ kind: eventKind, at, data }) {
      const { op, kind, id, name, status } = data;
      const [isKind, isId] = [text(kind), text(id)];
      if (eventKind !== 'resource' || status !== 'finished' || isKind === null || isId === null) return;
      const known = seen.get(key(isKind, isId));
      const entry = known?.entry ?? {
        kind: isKind,
        id: isId,
        name: text(name) ?? isId,
        at: op === 'delete' ? null : at,
      };
      const deletedAt = known?.deletedAt ?? (op === 'delete' ? at : null);
      seen.set(key(isKind, isId), { entry, deletedAt });
    },
    found(resources) {
      for (const resource of resources)
        seen.set(key(resource.kind, resource.id), { entry: entryOf(resource), deletedAt: null });
    },
    gone({ kind, id }, at) {
      const known = seen.get(key(kind, id));
      if (known) known.deletedAt ??= at;
    },
    open: () =>
      [...seen.values()]
        .filter(({ deletedAt }) => deletedAt === null)
        .map(({ entry }) => ({ kind: entry.kind as CloudResource['kind'], id: entry.id, name: entry.name })),
    receipt: (instanceId, left, listedAt) => ({
      instanceId,
      made: [...seen.values()].map(({ entry }) => entry),
      deleted: [...seen.values()].flatMap(({ entry, deletedAt }) =>
        deletedAt === null ? [] : [{ ...entry, at: deletedAt }],
      ),
      left: left.map(entryOf),
      listedAt,
      cost: null,
    }),
  };
}

export type Ledger = ReturnType<typeof createLedger>;

/** Notes that the ledger hears too: what the engine makes and deletes belongs on the receipt. */
export function heardBy(ledger: Ledger, { notes, now }: Pick<OperationParts, 'notes' | 'now'>): Notes {
  return {
    ...notes,
    appendEvent(kind, data) {
      ledger.hear({ kind, at: now().toISOString(), data });
      return notes.appendEvent(kind, data);
    },
  };
}
