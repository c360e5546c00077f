import type { Operation } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { isAtWork, keys, useOperation } from '../app/data.ts';
import { useThisInstance } from '../pages/server.tsx';

/** What is at work on this server; undefined when nothing is. */
export function useWorkUnderWay(): Operation | undefined {
  const { data } = useOperation(useThisInstance().operationId);
  return isAtWork(data) ? data : undefined;
}

/** Asks for something that goes on after the answer, and has the server shown as it then is. */
export function useOrder<Wish>(
  order: (wish: Wish) => Promise<Operation>,
  onAccepted: (operation: Operation) => void = () => undefined,
) {
  const instance = useThisInstance();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: order,
    onSuccess: async (operation) => {
      queries.setQueryData(keys.operation(operation.id), operation);
      onAccepted(operation);
      await queries.invalidateQueries({ queryKey: keys.instance(instance.id) });
      await queries.invalidateQueries({ queryKey: keys.instances, exact: true });
    },
  });
}
