import type { Cloud, Credential, Instance, Operation } from '@claw-cloud/contracts';
import { isProblem } from '@claw-cloud/owner-client/api';
import { QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { useOwner } from './session.tsx';

/** Queries are tried again where that may help, and no request of a tab that nobody looks at is made. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (count, error) => isProblem(error) && error.retryable && count < 3,
        retryDelay: (count) => Math.min(4_000, 400 * 2 ** count),
      },
    },
  });
}

const atRest: ReadonlySet<Instance['state']> = new Set(['ready', 'stopped', 'failed', 'destroyed']);

/** Whether an instance's state changes by itself soon. */
export const isMoving = (instance: Instance): boolean => !atRest.has(instance.state);

export const keys = {
  instances: ['instances'] as const,
  instance: (id: string) => ['instances', id] as const,
  receipt: (id: string) => ['instances', id, 'receipt'] as const,
  clouds: ['clouds'] as const,
  strays: ['strays'] as const,
  operation: (id: string) => ['operations', id] as const,
  credentials: ['credentials'] as const,
  credential: (id: string) => ['credentials', id] as const,
  catalogue: (id: string) => ['credentials', id, 'catalogue'] as const,
  audit: ['audit'] as const,
};

export function useInstances() {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.instances,
    queryFn: ({ signal }) => api.listInstances(signal),
    refetchInterval: ({ state }) => (state.data?.some(isMoving) ? 3_000 : 20_000),
  });
}

export function useInstance(id: string) {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.instance(id),
    queryFn: ({ signal }) => api.getInstance(id, signal),
    // Events tell sooner; this is for when they don't come.
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 5_000 : 30_000),
  });
}

/** What the clouds ask and cost: it changes with a new version of the control plane only. */
export function useClouds() {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.clouds,
    queryFn: ({ signal }) => api.listClouds(signal),
    staleTime: 600_000,
  });
}

/** A cloud by its id; undefined while it isn't known. */
export function useCloud(id: string): Cloud | undefined {
  return useClouds().data?.clouds.find((cloud) => cloud.id === id);
}

export function useCredentials() {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.credentials,
    queryFn: ({ signal }) => api.listCredentials(signal),
    refetchInterval: ({ state }) => (state.data?.some(isVerifying) ? 1_500 : false),
  });
}

export const isVerifying = (credential: Credential): boolean => credential.state === 'verifying';

export function useCredential(id: string | undefined) {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.credential(id ?? ''),
    queryFn: ({ signal }) => api.getCredential(id ?? '', signal),
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data && !isVerifying(state.data) ? false : 1_000),
  });
}

export function useCatalogue(credentialId: string | undefined) {
  const { api } = useOwner();
  return useQuery(
    queryOptions({
      queryKey: keys.catalogue(credentialId ?? ''),
      queryFn: ({ signal }) => api.getCatalogue(credentialId ?? '', signal),
      enabled: credentialId !== undefined,
      staleTime: 60_000,
    }),
  );
}

const ended: ReadonlySet<Operation['state']> = new Set(['succeeded', 'failed']);

/** The operation an instance was given last; asked again while it is at work. */
export function useOperation(operationId: string | null) {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.operation(operationId ?? ''),
    queryFn: ({ signal }) => api.getOperation(operationId ?? '', signal),
    enabled: operationId !== null,
    refetchInterval: ({ state }) => (state.data && ended.has(state.data.state) ? false : 2_000),
  });
}

export const isAtWork = (operation: Operation | undefined): boolean =>
  operation !== undefined && !ended.has(operation.state);

/** What was found in the owner's cloud accounts and belongs to no server. */
export function useStrays() {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.strays,
    queryFn: ({ signal }) => api.listStrays(signal),
    staleTime: 30_000,
    refetchInterval: ({ state }) =>
      state.data?.some(({ deleteAskedAt }) => deleteAskedAt !== null) ? 3_000 : 120_000,
  });
}

export function useReceipt(instanceId: string, enabled: boolean) {
  const { api } = useOwner();
  return useQuery({
    queryKey: keys.receipt(instanceId),
    queryFn: ({ signal }) => api.getReceipt(instanceId, signal),
    enabled,
  });
}

export function useAudit() {
  const { api } = useOwner();
  return useQuery({ queryKey: keys.audit, queryFn: ({ signal }) => api.listAudit({ limit: 100 }, signal) });
}
