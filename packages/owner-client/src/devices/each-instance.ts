import type { Instance } from '@claw-cloud/contracts';
import { isCryptoError } from '@claw-cloud/crypto';
import type { ApiClient } from '../api-client.ts';
import type { OpenSocket } from '../channel/attempt.ts';
import {
  type Entry,
  type OwnerChannelOptions,
  type OwnerConnection,
  openOwnerChannel,
} from '../channel/owner-channel.ts';
import { ChannelError, errorOf, problems } from '../channel/problem.ts';
import type { Keyring } from '../keyring.ts';

export interface DeviceFlowOptions {
  readonly baseUrl: string;
  readonly api: Pick<ApiClient, 'listInstances' | 'getInstance' | 'getToken'>;
  readonly keyring: Keyring;
  /** @default globalThis.WebSocket */
  readonly openSocket?: OpenSocket;
  /** How long one server may take. @default 30000 */
  readonly timeoutMs?: number;
  /** Called as each server is done, in the order in which they are. */
  readonly onOutcome?: (outcome: InstanceOutcome) => void;
}

/** How it went with one of the owner's servers. */
export interface InstanceOutcome {
  readonly instanceId: string;
  readonly name: string;
  /** Null where it went well; else in words for the person. */
  readonly problem: ChannelError | null;
}

/** Several at once, so that one that hangs does not hold up the others; not all, for the sake of small computers. */
const atOnce = 4;

/** Servers that could answer: set up, not gone, not given away. */
export async function reachableInstances(api: DeviceFlowOptions['api']): Promise<Instance[]> {
  const all = await api.listInstances();
  return all.filter(({ state, ejectedAt }) => state === 'ready' && ejectedAt === null);
}

/** Does the same with each server; what fails with one is its outcome, and no reason to stop. Never raises. */
export async function withEach(
  instances: readonly Instance[],
  options: DeviceFlowOptions,
  work: (instance: Instance) => Promise<void>,
): Promise<InstanceOutcome[]> {
  const outcomes: InstanceOutcome[] = [];
  const waiting = [...instances];
  const one = async (): Promise<void> => {
    for (let instance = waiting.shift(); instance; instance = waiting.shift()) {
      const { id: instanceId, name, online } = instance;
      const problem = await (online ? work(instance) : Promise.reject(errorOf(problems.offline))).then(
        () => null,
        problemOf,
      );
      const outcome = { instanceId, name, problem };
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, one));
  const order = instances.map(({ id }) => id);
  return outcomes.sort((a, b) => order.indexOf(a.instanceId) - order.indexOf(b.instanceId));
}

function problemOf(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  if (isCryptoError(error)) return new ChannelError(error.code, error.message, error.fix);
  return errorOf(problems.unreachable);
}

/** Opens a connection for one piece of work, and closes it. Raises a {@link ChannelError}, or what the work raises. */
export async function onChannel<T>(
  { baseUrl, api, keyring, openSocket, timeoutMs = 30_000 }: DeviceFlowOptions,
  instanceId: string,
  entry: Entry | null,
  work: (channel: OwnerConnection) => Promise<T>,
): Promise<T> {
  const options: OwnerChannelOptions = {
    baseUrl,
    api,
    keyring,
    instanceId,
    ...(entry ? { entry } : {}),
    ...(openSocket ? { openSocket } : {}),
  };
  const channel = openOwnerChannel(options);
  try {
    await channel.whenOpen({ timeoutMs });
    return await work(channel);
  } finally {
    channel.close();
  }
}
