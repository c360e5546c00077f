import type { Instance } from '@claw-cloud/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { isAtWork, keys, useOperation } from '../app/data.ts';

/** Has a server shown anew as soon as the work on it has ended: its drift, its size and what failed come with the end. */
export function useEndOfWork(instance: Instance | undefined): void {
  const queries = useQueryClient();
  const { data: operation } = useOperation(instance?.operationId ?? null);
  const followed = useRef<string>(undefined);
  useEffect(() => {
    if (!operation) return;
    if (isAtWork(operation)) followed.current = operation.id;
    else if (followed.current === operation.id) {
      followed.current = undefined;
      void queries.invalidateQueries({ queryKey: keys.instance(operation.instanceId) });
    }
  }, [operation, queries]);
}
