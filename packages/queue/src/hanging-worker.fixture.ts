// Run as a process of its own: takes a job, tells its parent, and never ends it.
import { createWorker } from './worker.ts';

const [kind, url, name] = process.argv.slice(2);
await createWorker(
  { kind: kind === 'redis' ? 'redis' : 'postgres', url: url ?? '' },
  {
    'operation.run': (data) => {
      process.send?.(data.operationId);
      return new Promise(() => {});
    },
  },
  { concurrency: 1, lockMs: 1000, stalledCheckMs: 500, ...(name === undefined ? {} : { name }) },
);
