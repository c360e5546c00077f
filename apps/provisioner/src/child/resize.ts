import { blockedBy, ProductError } from '@claw-cloud/contracts';
import type { OperationResult } from '@claw-cloud/db';
import { adoptable, rebuild } from './adopt.ts';
import { onServer, serverGone } from './on-server.ts';
import { machineOf, mustPass, type OperationParts } from './parts.ts';
import { switchPower } from './power.ts';
import type { Task } from './protocol.ts';

type ResizeTask = Extract<Task, { kind: 'resize' }>;

/**
 * Changes the server's size: asks the cloud what stands in the way, then lets the engine bring the same program to the
 * new size. What was on the disk stays. The price and the size of the instance follow what the cloud has done.
 */
export function resize(parts: OperationParts, task: ResizeTask): Promise<OperationResult> {
  const { instance, wishedSize, expectedMonthlyPrice } = task.lease;
  return onServer(parts, task, { purpose: 'resize' }, async (server) => {
    const { cloud, credential, serverId } = server;
    if (wishedSize === null) throw new Error('a resize without a size');
    if (serverId === null) throw serverGone();
    const { region } = machineOf(task);
    const now = await cloud.serverState(credential, serverId, region);
    if (now === null) throw serverGone();
    const { blockers, warnings, offer } = await cloud.preflightResize(credential, {
      serverId,
      region,
      size: wishedSize,
      expectedMonthlyPrice,
    });
    // An attempt before this one has done it already, whatever stands in the way of doing it again.
    const [blocker, ...others] = now.size === wishedSize ? [] : blockers;
    if (blocker) throw blockedBy(blocker, others);
    await parts.notes.appendEvent('progress', {
      phase: 'resizing',
      step: 'checked',
      message: warnings[0] ?? 'The new size fits this server; it is switched off for the change.',
    });
    const image = offer?.image ?? cloud.image;
    // The state may be lost: what is there is taken over as it is before anything of it changes.
    await adoptable(parts, task, server, { size: now.size, image });
    const shallRun = task.lease.stateBefore !== 'stopped';
    try {
      // Some clouds' engines pull the plug of a running server; its system and OpenClaw's files are to end in order.
      if (now.size !== wishedSize) await switchPower(parts, task, server, 'stop');
      await rebuild(parts, task, server, { size: wishedSize, image }, { serverInState: true });
    } catch (error) {
      // Whatever stood in the way, it is not left off.
      if (shallRun && !mustPass(parts, error))
        await switchPower(parts, task, server, 'start').catch((second: unknown) => {
          if (mustPass(parts, second)) throw second;
        });
      throw error;
    }
    const after = await cloud.serverState(credential, serverId, region);
    if (after === null) throw serverGone();
    if (after.size !== wishedSize)
      throw new ProductError(
        'cloud_unexpected',
        `The cloud took the order, but the server still has the size "${after.size}".`,
        'Try again. If it stays so, look at the server in the cloud’s console.',
      );
    // A change of size leaves some clouds' servers off, and starts those of others.
    await switchPower(parts, task, server, shallRun ? 'start' : 'stop');
    await parts.notes.appendEvent('progress', {
      phase: 'resizing',
      step: 'resized',
      message: `The size is now ${wishedSize}.`,
      from: instance.size,
      to: wishedSize,
    });
    return {
      size: wishedSize,
      ...(offer === null ? {} : { monthlyPrice: offer.monthlyPrice, currency: offer.currency }),
    };
  });
}
