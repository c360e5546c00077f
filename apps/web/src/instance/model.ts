import { useQuery } from '@tanstack/react-query';
import { z } from 'zod';
import { useConnection } from './connection.tsx';

const Model = z.object({ provider: z.string().nullable(), model: z.string().nullable() });
export type Model = z.infer<typeof Model>;

export const modelKey = (instanceId: string) => ['model', instanceId] as const;

/** The model the server answers with; asked of the server itself, through the encrypted channel. */
export function useModel(instanceId: string) {
  const { connection, gatewayState } = useConnection();
  return useQuery({
    queryKey: modelKey(instanceId),
    queryFn: async () => Model.parse(await connection?.channel.command('model.get', {})),
    enabled: connection !== null && gatewayState.status === 'connected',
    staleTime: 60_000,
  });
}

/** The stand-in a sandbox brings along: it is no model one would want to talk to. */
export const isSandboxModel = (model: Model | undefined): boolean => model?.provider === 'sandbox';
