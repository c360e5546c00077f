import type { InstanceEvent } from '@claw-cloud/contracts';
import { watchEvents } from '@claw-cloud/owner-client/api';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { keys } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';

interface Watched {
  readonly events: readonly InstanceEvent[];
  /** False while the stream is lost and being taken up again. */
  readonly connected: boolean;
  readonly error: unknown;
}

const keptEvents = 4_000;
const nothing: Watched = { events: [], connected: true, error: undefined };

/** An instance's events, live; what they change is asked for anew. */
export function useInstanceEvents(instanceId: string): Watched {
  const { api } = useOwner();
  const queries = useQueryClient();
  const [watched, setWatched] = useState<Watched>(nothing);
  useEffect(() => {
    setWatched(nothing);
    const stop = new AbortController();
    let batch: InstanceEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A long life comes as hundreds of events at once: they are shown together.
    const flush = () => {
      timer = undefined;
      const fresh = batch;
      batch = [];
      setWatched((before) => ({ ...before, events: [...before.events, ...fresh].slice(-keptEvents) }));
      if (
        fresh.some((event) => event.kind !== 'log' && event.kind !== 'progress' && event.kind !== 'resource')
      ) {
        void queries.invalidateQueries({ queryKey: keys.instance(instanceId) });
        void queries.invalidateQueries({ queryKey: keys.instances, exact: true });
      }
    };
    const watch = async () => {
      const onConnection = (connected: boolean) => setWatched((before) => ({ ...before, connected }));
      for await (const event of watchEvents(api, instanceId, { signal: stop.signal, onConnection })) {
        batch.push(event);
        timer ??= setTimeout(flush, 60);
      }
    };
    watch().catch((error: unknown) => setWatched((before) => ({ ...before, connected: false, error })));
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [api, instanceId, queries]);
  return watched;
}
