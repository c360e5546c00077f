import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, PowerAction } from '../provider.ts';
import { awaitAction } from './actions.ts';
import type { ServerAnswer } from './answers.ts';
import type { HetznerClient } from './client.ts';

const commands: Record<PowerAction, string> = {
  on: 'poweron',
  off: 'poweroff',
  shutdown: 'shutdown',
  reboot: 'reboot',
};

/** Orders a power change and waits for it. Raises `not_found` for a server that is gone. */
export async function power(
  client: HetznerClient,
  credential: OpenCredential,
  serverId: string,
  action: PowerAction,
): Promise<void> {
  const answer = await client.send(credential, 'POST', `/servers/${serverId}/actions/${commands[action]}`);
  if (!answer) {
    throw new ProductError(
      'not_found',
      'The server is no longer there.',
      'Destroy the instance and deploy a new one.',
    );
  }
  await awaitAction(client, credential, `switching the server ${action}`, answer);
}

/** The vendor's word for the server's state; null when there is no such server. */
export async function serverStatus(
  client: HetznerClient,
  credential: OpenCredential,
  serverId: string,
): Promise<string | null> {
  const body = await client.get(credential, `/servers/${serverId}`);
  return (body?.server as ServerAnswer | undefined)?.status ?? null;
}
