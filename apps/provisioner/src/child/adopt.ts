import type { CloudResource } from '@claw-cloud/providers';
import { stackExists, upStack } from './engine-run.ts';
import type { ServerWork } from './on-server.ts';
import { machineOf, type OperationParts, type OperationTask, stackOf } from './parts.ts';

interface Wish {
  readonly size: string;
  readonly image: string;
}

/** Ids by kind, the server first chosen: what the engine takes over instead of making it. */
export function adoptionOf(
  found: readonly CloudResource[],
  serverId: string | null,
): Readonly<Partial<Record<CloudResource['kind'], string>>> {
  const byKind: Partial<Record<CloudResource['kind'], string>> = {};
  for (const { kind, id, deletedWith } of found) if (deletedWith === null) byKind[kind] ??= id;
  return serverId === null ? byKind : { ...byKind, server: serverId };
}

/**
 * Lets the engine bring the cloud to what the instance's program says, taking over what bears the tag. The server is
 * named by its id, so one that is gone is an error and never a new one.
 */
export async function rebuild(
  parts: OperationParts,
  task: OperationTask,
  server: ServerWork,
  { size, image }: Wish,
  options: { readonly refresh?: boolean; readonly serverInState?: boolean } = {},
): Promise<void> {
  const stack = await stackOf(task);
  await server.key.ensure();
  const input = {
    ...machineOf(task),
    size,
    image,
    // A server that stands has its own; programs leave it as it is.
    userData: '#cloud-config\n',
    adopt: adoptionOf(server.found, server.serverId),
    ...(options.serverInState ? { serverInState: true } : {}),
  };
  await upStack(parts, task, server, (access) => stack.program(input, access), options);
}

/** Where the engine's state is lost, takes over what bears the tag, as it is. */
export async function adoptable(
  parts: OperationParts,
  task: OperationTask,
  server: ServerWork,
  wish: Wish,
): Promise<void> {
  if (await stackExists(parts, task, server)) return;
  await parts.notes.appendEvent('progress', {
    phase: task.lease.instance.state,
    step: 'adopt',
    message: 'The engine no longer knows this server; what bears its tag is taken over.',
  });
  await rebuild(parts, task, server, wish);
}
