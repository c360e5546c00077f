import type { OperationResult } from '@claw-cloud/db';
import { rebuild } from './adopt.ts';
import { findDrift } from './check.ts';
import { onServer, serverGone } from './on-server.ts';
import { machineOf, type OperationParts } from './parts.ts';
import { switchPower } from './power.ts';
import type { Task } from './protocol.ts';

type RepairTask = Extract<Task, { kind: 'repair' }>;

/**
 * Brings back what has drifted: the engine looks at the cloud, makes what is gone and undoes what was changed by hand.
 * A server that is gone is never made again: its data went with it. Ends with a fresh look.
 */
export function repair(parts: OperationParts, task: RepairTask): Promise<OperationResult> {
  return onServer(parts, task, { purpose: 'repair' }, async (server) => {
    const { cloud, credential, found, serverId } = server;
    const { tag, region } = machineOf(task);
    const state = serverId === null ? null : await cloud.serverState(credential, serverId, region);
    if (state === null) throw serverGone();
    const say = (step: string, message: string) =>
      parts.notes.appendEvent('progress', { phase: 'repairing', step, message });
    await say('engine', 'The engine looks at everything it made and brings it back.');
    // The size as it is: a server that was resized by hand is shown as such, not switched off for it.
    await rebuild(parts, task, server, { size: state.size, image: cloud.image }, { refresh: true });
    for (const item of (await cloud.inspect?.(credential, found)) ?? []) {
      const firewall = found.find(({ kind, id }) => kind === item.kind && id === item.id);
      if (item.repairable && firewall?.kind === 'firewall') {
        await say('firewall', `Rules that somebody added are taken out of the firewall ${firewall.name}.`);
        await cloud.closeFirewall?.(credential, firewall);
      }
    }
    if (task.lease.stateBefore === 'ready' && state.power === 'stopped')
      await switchPower(parts, task, server, 'start');
    const again = { ...server, found: await cloud.findByTag(credential, tag) };
    return { drift: await findDrift(parts, task, again) };
  });
}
