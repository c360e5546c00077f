import { ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { waitUntil } from '../http/wait-until.ts';
import type { OpenCredential, PowerAction, PowerState, ServerState } from '../provider.ts';
import type { ActionAnswer, DropletAnswer } from './answers.ts';
import { dropletMissing, failedAction } from './errors.ts';

const commands: Readonly<Record<PowerAction, string>> = {
  on: 'power_on',
  off: 'power_off',
  shutdown: 'shutdown',
  reboot: 'reboot',
};

const limitMs = 180_000;

async function readDroplet(
  client: JsonClient,
  credential: OpenCredential,
  id: string,
): Promise<DropletAnswer | null> {
  const body = await client.get(credential, `/v2/droplets/${id}`);
  return (body?.droplet as DropletAnswer | undefined) ?? null;
}

const isCode = (error: unknown, code: ProductError['code']) =>
  error instanceof ProductError && error.code === code;

/**
 * Orders a power change and waits for it, at most three minutes. A droplet that works on something else is asked again.
 * Raises `server_missing` for a droplet that is gone. A shutdown that its system does not obey ends without an error:
 * the droplet's state says so.
 */
export async function power(
  client: JsonClient,
  credential: OpenCredential,
  serverId: string,
  action: PowerAction,
): Promise<void> {
  const wait = { cloud: 'DigitalOcean', what: `switching the server ${action}`, limitMs };
  const wanted = action === 'on' ? 'active' : action === 'reboot' ? null : 'off';
  let ordered: ActionAnswer | null = null;
  await waitUntil(client, wait, async () => {
    if (!ordered) {
      const droplet = await readDroplet(client, credential, serverId);
      if (!droplet) throw dropletMissing();
      if (!droplet.locked && droplet.status === wanted) return true;
      try {
        const body = await client.send(credential, 'POST', `/v2/droplets/${serverId}/actions`, {
          type: commands[action],
        });
        if (!body) throw dropletMissing();
        ordered = body.action as ActionAnswer;
      } catch (error) {
        if (isCode(error, 'conflict')) return true;
        if (!isCode(error, 'resource_locked')) throw error;
      }
      return false;
    }
    const body = await client.get(credential, `/v2/actions/${ordered.id}`);
    const now = body?.action as ActionAnswer | undefined;
    if (now?.status === 'errored' && action !== 'shutdown') throw failedAction(ordered.id);
    return now?.status !== 'in-progress';
  });
}

const powerStates: Readonly<Record<string, PowerState>> = { active: 'running', off: 'stopped' };

/** How a droplet is; null when there is no such droplet. A locked one is being changed, whatever it says. */
export async function serverState(
  client: JsonClient,
  credential: OpenCredential,
  serverId: string,
): Promise<ServerState | null> {
  const droplet = await readDroplet(client, credential, serverId);
  if (!droplet) return null;
  return {
    id: String(droplet.id),
    power: droplet.locked ? 'changing' : (powerStates[droplet.status] ?? 'changing'),
    status: droplet.status,
    size: droplet.size_slug,
    region: droplet.region.slug,
  };
}
