import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, PowerState, ServerState } from '../provider.ts';
import type { ServerAnswer } from './answers.ts';
import type { HetznerClient } from './client.ts';

/** A server as Hetzner describes it; null when there is none. */
export async function readServer(
  client: HetznerClient,
  credential: OpenCredential,
  serverId: string,
): Promise<ServerAnswer | null> {
  const body = await client.get(credential, `/servers/${serverId}`);
  return (body?.server as ServerAnswer | undefined) ?? null;
}

/** For what was asked of a server that is gone. */
export const serverMissing = () =>
  new ProductError(
    'server_missing',
    'The server is no longer there.',
    'Destroy the instance and deploy a new one.',
  );

const powerStates: Readonly<Record<string, PowerState>> = { running: 'running', off: 'stopped' };

/** How a server is; null when there is no such server. */
export async function serverState(
  client: HetznerClient,
  credential: OpenCredential,
  serverId: string,
): Promise<ServerState | null> {
  const server = await readServer(client, credential, serverId);
  return (
    server && {
      id: String(server.id),
      power: powerStates[server.status] ?? 'changing',
      status: server.status,
      size: server.server_type.name,
      region: server.location?.name ?? server.datacenter?.location.name ?? '',
    }
  );
}
