// Run as a process of its own: opens everything, closes everything, and must then end by itself.
import { createQueue } from './queue.ts';
import type { QueueConfig } from './types.ts';
import { createWorker } from './worker.ts';

const [kind, url] = process.argv.slice(2);
const config: QueueConfig = { kind: kind === 'redis' ? 'redis' : 'postgres', url: url ?? '' };
const queue = await createQueue(config, { name: 'closing' });
let done = (): void => {};
const ran = new Promise<void>((resolve) => {
  done = resolve;
});
const worker = await createWorker(config, { sweep: async () => done() }, { concurrency: 2, name: 'closing' });
await queue.add('sweep', {}, { jobId: 'once' });
await ran;
await worker.close();
await queue.close();
process.send?.('closed');
process.disconnect?.();
