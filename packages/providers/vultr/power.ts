import { ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import { waitUntil } from '../http/wait-until.ts';
import type { OpenCredential, PowerAction, PowerState, ServerState } from '../provider.ts';
import type { InstanceAnswer } from './answers.ts';
import { serverMissing } from './errors.ts';

/** Vultr's only "off" is a halt: it asks nothing of the operating system. */
const commands: Readonly<Record<PowerAction, string>> = {
  on: 'start',
  off: 'halt',
  shutdown: 'halt',
  reboot: 'reboot',
};

const limitMs = 180_000;

async function readInstance(
  client: JsonClient,
  credential: OpenCredential,
  id: string,
): Promise<InstanceAnswer | null> {
  const body = await client.get(credential, `/v2/instances/${encodeURIComponent(id)}`);
  return (body?.instance as InstanceAnswer | undefined) ?? null;
}

function powerOf({ status, power_status: power, server_status: health }: InstanceAnswer): PowerState {
  if (status !== 'active' || health === 'locked') return 'changing';
  return power === 'running' ? 'running' : power === 'stopped' ? 'stopped' : 'changing';
}

/**
 * Orders a power change and waits until the server is as it should be, at most three minutes. A server that Vultr works
 * on is asked again. Raises `server_missing` for a server that is gone.
 */
export async function power(
  client: JsonClient,
  credential: OpenCredential,
  serverId: string,
  action: PowerAction,
): Promise<void> {
  const wanted: PowerState = action === 'on' || action === 'reboot' ? 'running' : 'stopped';
  let ordered = false;
  const wait = { cloud: 'Vultr', what: `switching the server ${action}`, limitMs };
  await waitUntil(client, wait, async () => {
    const before = await readInstance(client, credential, serverId);
    if (!before) throw serverMissing();
    const now = powerOf(before);
    if (now === wanted && (ordered || action !== 'reboot')) return true;
    if (ordered || now === 'changing') return false;
    try {
      const path = `/v2/instances/${encodeURIComponent(serverId)}/${commands[action]}`;
      if (!(await client.send(credential, 'POST', path))) throw serverMissing();
      ordered = true;
    } catch (error) {
      if (!(error instanceof ProductError) || error.code !== 'resource_locked') throw error;
    }
    return false;
  });
}

/** How a server is; null when there is no such server. */
export async function serverState(
  client: JsonClient,
  credential: OpenCredential,
  serverId: string,
): Promise<ServerState | null> {
  const instance = await readInstance(client, credential, serverId);
  if (!instance) return null;
  return {
    id: instance.id,
    power: powerOf(instance),
    status: [instance.status, instance.power_status, instance.server_status].join('/'),
    size: instance.plan,
    region: instance.region,
  };
}
