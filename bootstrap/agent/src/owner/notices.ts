import type { OwnerFrame } from '@claw-cloud/contracts';

export type Notice = Extract<OwnerFrame, { type: 'notice' }>['notice'];

/** What every owner with an open channel should hear at once; nobody who isn't there hears it later. */
export interface Notices {
  send(notice: Notice): void;
  /** Calls `listener` for each until the returned function is called. */
  onNotice(listener: (notice: Notice) => void): () => void;
}

/** Passes notices on to whoever listens at that moment. */
export function createNotices(): Notices {
  const listeners = new Set<(notice: Notice) => void>();
  return {
    send(notice) {
      for (const listener of listeners) listener(notice);
    },
    onNotice(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
