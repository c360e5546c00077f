import { waitUntil } from '../http/wait-until.ts';
import type { OpenCredential, PowerAction, PowerState } from '../provider.ts';
import { awaitAction } from './actions.ts';
import type { HetznerClient } from './client.ts';
import { serverMissing, serverState } from './server.ts';

const commands: Record<PowerAction, string> = {
  on: 'poweron',
  off: 'poweroff',
  shutdown: 'shutdown',
  reboot: 'reboot',
};

const wanted: Record<PowerAction, PowerState> = {
  on: 'running',
  off: 'stopped',
  shutdown: 'stopped',
  reboot: 'running',
};

/** How long an operating system may take to end in order. */
const orderlyMs = 120_000;
const limitMs = 60_000;

/**
 * Orders a power change and waits until the server is so, at most three minutes. Raises `server_missing` for a server
 * that is gone. A shutdown that its operating system doesn't obey within two minutes ends without an error: the
 * server's state says so.
 */
export async function power(
  client: HetznerClient,
  credential: OpenCredential,
  serverId: string,
  action: PowerAction,
): Promise<void> {
  const isSo = async () => {
    const state = await serverState(client, credential, serverId);
    if (!state) throw serverMissing();
    return state.power === wanted[action];
  };
  // Nothing to do is nothing to order: Hetzner would take it, and lock the server for it.
  if (action !== 'reboot' && (await isSo())) return;
  const what = `switching the server ${action}`;
  const answer = await client.send(credential, 'POST', `/servers/${serverId}/actions/${commands[action]}`);
  if (!answer) throw serverMissing();
  await awaitAction(client, credential, what, answer);
  // Hetzner's action ends as soon as the operating system was asked.
  const orderlyEnd = client.now().getTime() + orderlyMs;
  const isDisobeyed = () => action === 'shutdown' && client.now().getTime() > orderlyEnd;
  const wait = { cloud: 'Hetzner', what, limitMs: action === 'shutdown' ? 2 * orderlyMs : limitMs };
  await waitUntil(client, wait, async () => (await isSo()) || isDisobeyed());
}
