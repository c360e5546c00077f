import type { OwnerCommandName, ownerCommands } from '@claw-cloud/contracts';
import { ChannelError, type OwnerResult, type ProgressFrame } from '@claw-cloud/owner-client/api';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import type { z } from 'zod';
import { useConnection } from '../instance/connection.tsx';
import { useThisInstance } from '../pages/server.tsx';

export type Params<N extends OwnerCommandName> = z.input<(typeof ownerCommands)[N]>;
export type Answer<N extends OwnerCommandName> = OwnerResult<N>;
export interface AskOptions {
  /** How long without an answer or a word of progress. */
  timeoutMs?: number;
  onProgress?: (progress: ProgressFrame) => void;
}
export type Ask = <N extends OwnerCommandName>(
  name: N,
  params: Params<N>,
  options?: AskOptions,
) => Promise<Answer<N>>;

export const notConnected = () =>
  new ChannelError(
    'connection_lost',
    'There is no connection to your server yet.',
    'It is made by itself; try again in a moment.',
  );

/** Asks the server through the encrypted channel. */
export function useAsk(): Ask {
  const { connection } = useConnection();
  return useCallback(
    async (name, params, options) => {
      if (!connection) throw notConnected();
      return connection.channel.command(name, params, options);
    },
    [connection],
  );
}

export const answerKey = (instanceId: string, name: OwnerCommandName) => ['owner', instanceId, name] as const;

/** What the server answers, kept and asked again; nothing is asked while there is no connection. */
export function useAnswer<N extends OwnerCommandName>(
  name: N,
  params: Params<N>,
  options: { everyMs?: number | ((answer: Answer<N> | undefined) => number | false); enabled?: boolean } = {},
) {
  const { id } = useThisInstance();
  const { channelState } = useConnection();
  const ask = useAsk();
  const { everyMs = false, enabled = true } = options;
  return useQuery({
    queryKey: [...answerKey(id, name), params],
    queryFn: () => ask(name, params),
    enabled: enabled && channelState.status === 'open',
    refetchInterval: ({ state }) => (typeof everyMs === 'function' ? everyMs(state.data) : everyMs),
  });
}

/**
 * A command that changes something: `refreshes` names what is then asked again. `progress` is what was last said
 * while it runs.
 */
export function useChange<N extends OwnerCommandName>(
  name: N,
  options: {
    refreshes?: readonly OwnerCommandName[];
    timeoutMs?: number;
    onDone?: (answer: Answer<N>, params: Params<N>) => void;
  } = {},
) {
  const { id } = useThisInstance();
  const ask = useAsk();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<readonly ProgressFrame[]>([]);
  const mutation = useMutation({
    mutationFn: (params: Params<N>) => {
      setProgress([]);
      return ask(name, params, {
        timeoutMs: options.timeoutMs ?? 30_000,
        onProgress: (frame) => setProgress((before) => [...before.slice(-40), frame]),
      });
    },
    onSuccess: (answer, params) => options.onDone?.(answer, params),
    // Even a command that failed may have changed something on its way.
    onSettled: () => {
      for (const other of options.refreshes ?? [])
        void queries.invalidateQueries({ queryKey: answerKey(id, other) });
    },
  });
  return { ...mutation, progress };
}
