export { createQueue } from './queue.ts';
export type * from './types.ts';
export { createWorker } from './worker.ts';
