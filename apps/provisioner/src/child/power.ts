import { setTimeout as delay } from 'node:timers/promises';
import { type PowerWish, ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import { type PowerAction, type PowerState, powerActions, type ServerState } from '@claw-cloud/providers';
import { onServer, type ServerWork, serverGone } from './on-server.ts';
import type { OperationParts } from './parts.ts';
import type { Task } from './protocol.ts';

type PowerTask = Extract<Task, { kind: 'power' }>;

const targets: Readonly<Record<PowerWish, PowerState>> = {
  start: 'running',
  stop: 'stopped',
  reboot: 'running',
};

/** Starts, stops or reboots the server. A stop asks the operating system first and pulls the plug afterwards. */
export function power(parts: OperationParts, task: PowerTask): Promise<OperationResult> {
  return onServer(parts, task, { purpose: task.wish }, async (server) => {
    await switchPower(parts, task, server, task.wish);
    return {};
  });
}

/** Raises `server_missing`, what the cloud refused, or `cloud_unexpected` when the server does not get there. */
export async function switchPower(
  parts: OperationParts,
  task: Pick<PowerTask, 'lease'>,
  { cloud, credential, serverId }: ServerWork,
  wish: PowerWish,
): Promise<void> {
  const { region } = task.lease.instance;
  if (serverId === null) throw serverGone();
  const target = targets[wish];

  const look = async (): Promise<ServerState> => {
    const server = await cloud.serverState(credential, serverId, region);
    if (server === null) throw serverGone();
    return server;
  };
  /** Whether it got there within the time. */
  const reaches = async (ms: number): Promise<boolean> => {
    const end = parts.now().getTime() + ms;
    for (;;) {
      if ((await look()).power === target) return true;
      if (parts.now().getTime() > end) return false;
      await delay(powerPollMs, undefined, { signal: parts.signal });
    }
  };
  /** An error after which the server is where it should be was none. */
  const order = async (action: PowerAction): Promise<void> => {
    try {
      await cloud.power(credential, serverId, region, action);
    } catch (error) {
      if (!(error instanceof ProductError) || !error.retryable || wish === 'reboot') throw error;
      if ((await look()).power !== target) throw error;
    }
  };

  const { power: now } = await look();
  if (wish !== 'reboot' && now === target) return;
  await order(powerActions[wish]);
  if (await reaches(wish === 'stop' ? parts.settings.shutdownGraceMs : runningLimitMs)) return;
  if (wish === 'stop') {
    await parts.notes.appendEvent('progress', {
      phase: task.lease.instance.state,
      step: 'plug',
      message: 'The operating system did not shut down in time; the power is switched off.',
    });
    await order('off');
    if (await reaches(runningLimitMs)) return;
  }
  const { status } = await look();
  throw new ProductError(
    'cloud_unexpected',
    `The cloud took the order, but calls the server "${status}".`,
    'Try again. If it stays so, look at the server in the cloud’s console.',
  );
}

const powerPollMs = 1_000;
const runningLimitMs = 120_000;
