import { setTimeout as delay } from 'node:timers/promises';
import { killEngineProcesses } from '../operations/engine-processes.ts';
import type { WorkerLink } from './worker-link.ts';

/** Less than a lease: when another worker takes over, this engine is gone. */
const graceMs = 4_000;

/** Ends this process and its engine soon after the worker is gone: nobody renews the lease any more. */
export function endWithWorker(link: WorkerLink, operationId: string): void {
  void link.lost.then(async () => {
    // The interrupt that came with the loss lets a step under way be saved, if it is quick.
    await delay(graceMs);
    await killEngineProcesses(operationId).catch(() => undefined);
    process.exit(1);
  });
}
