import { ProductError } from '@claw-cloud/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { keys } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';

const pollMs = 1_500;
const polls = 20;

export interface CatalogueRefresh {
  readonly busy: boolean;
  readonly error: unknown;
  readonly ask: () => void;
}

/** Has the cloud asked for its prices of today, and waits for them; not for longer than half a minute. */
export function useCatalogueRefresh(credentialId: string): CatalogueRefresh {
  const { api } = useOwner();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const stop = useRef(new AbortController());
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);

  const ask = async (signal: AbortSignal) => {
    const { catalogue, asked } = await api.refreshCatalogue(credentialId);
    let newest = catalogue;
    for (let count = 0; asked && newest.fetchedAt === catalogue.fetchedAt; count += 1) {
      if (count === polls)
        throw new ProductError(
          'cloud_unavailable',
          'The cloud has not answered yet.',
          'The prices shown are the last ones it told. Try again in a moment.',
        );
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      signal.throwIfAborted();
      newest = await api.getCatalogue(credentialId, signal);
    }
    queries.setQueryData(keys.catalogue(credentialId), newest);
  };
  return {
    busy,
    error,
    ask: () => {
      const { signal } = stop.current;
      setBusy(true);
      setError(undefined);
      ask(signal)
        .catch((thrown: unknown) => signal.aborted || setError(thrown))
        .finally(() => signal.aborted || setBusy(false));
    },
  };
}
