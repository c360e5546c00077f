import { RebootInstancesCommand, StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { waitUntil } from '../http/wait-until.ts';
import type { OpenCredential, PowerAction, PowerState, ServerState } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { notFound, unlessCoded, vendorCodeOf } from './errors.ts';
import { findServer, serverMissing } from './server.ts';

const limitMs = 180_000;
const powerStates: Readonly<Record<string, PowerState>> = { running: 'running', stopped: 'stopped' };

/** How a server is; null when there is no such server. */
export async function serverState(
  client: AwsClient,
  credential: OpenCredential,
  serverId: string,
  region: string,
): Promise<ServerState | null> {
  const server = await findServer(client, credential, serverId, region);
  if (!server) return null;
  const status = server.State?.Name ?? 'unknown';
  return {
    id: serverId,
    power: powerStates[status] ?? 'changing',
    status,
    size: server.InstanceType ?? '',
    region,
  };
}

/**
 * Orders a power change and waits for it, at most three minutes; a shutdown is done when it has begun, since only the
 * server's own system knows how long it takes. Raises `server_missing` for a server that is gone.
 */
export async function power(
  client: AwsClient,
  credential: OpenCredential,
  serverId: string,
  region: string,
  action: PowerAction,
): Promise<void> {
  const ec2 = client.ec2(credential, region);
  const ids = { InstanceIds: [serverId] };
  const order = async (): Promise<unknown> => {
    if (action === 'on') return ec2.send(new StartInstancesCommand(ids));
    if (action === 'reboot') return ec2.send(new RebootInstancesCommand(ids));
    return ec2.send(new StopInstancesCommand({ ...ids, ...(action === 'off' ? { Force: true } : {}) }));
  };
  let ordered = false;
  await waitUntil(client, { cloud: 'AWS', what: `switching the server ${action}`, limitMs }, async () => {
    const state = await serverState(client, credential, serverId, region);
    if (!state) throw serverMissing();
    if (!ordered) {
      const busy = await order().then(
        () => false,
        (error: unknown) => {
          // A server that is just stopping can't be started yet: asked again.
          if (vendorCodeOf(error) === 'IncorrectInstanceState') return true;
          return unlessCoded(notFound, Promise.reject(error)).then(() => {
            throw serverMissing();
          });
        },
      );
      if (busy) return false;
      ordered = true;
      if (action === 'reboot') return true;
      return false;
    }
    if (action === 'on') return state.power === 'running';
    return action === 'off' ? state.power === 'stopped' : state.power !== 'running';
  });
}
