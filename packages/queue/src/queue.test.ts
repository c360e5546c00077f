import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { backend as backendOf } from './backend.ts';
import { type Backend, redisIsInstalled, startPostgres, startRedis } from './backends.fixture.ts';
import { createQueue, createWorker, type JobHandlers, type WorkerOptions } from './index.ts';

const backends = [
  { kind: 'postgres', start: startPostgres, wanted: true },
  // In CI a missing Redis is an error; on a person's computer the other half is enough.
  { kind: 'redis', start: startRedis, wanted: redisIsInstalled() || process.env.CI !== undefined },
];

for (const { kind, start, wanted } of backends)
  describe.runIf(wanted)(`the queue on ${kind}`, { timeout: 60_000 }, () => {
    let backend: Backend;
    let count = 0;
    let name = '';
    const open: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      backend = await start();
    }, 60_000);
    afterAll(async () => backend?.stop(), 30_000);
    afterEach(async () => {
      for (const close of open.splice(0).reverse()) await close();
    });

    const openQueue = async () => {
      name = `test-${++count}`;
      const queue = await createQueue(backend.config, { name });
      open.push(() => queue.close());
      return queue;
    };
    const openWorker = async (handlers: JobHandlers, options: Partial<WorkerOptions> = {}) => {
      const worker = await createWorker(backend.config, handlers, {
        concurrency: 1,
        lockMs: 1000,
        stalledCheckMs: 500,
        name,
        ...options,
      });
      open.push(() => worker.close(100));
      return worker;
    };

    it('runs a job once, with the data it was added with', async () => {
      const queue = await openQueue();
      const seen = vi.fn(async () => {});
      await openWorker({ 'operation.run': seen });
      await queue.add('operation.run', { operationId: 'opn_1' }, { jobId: 'run_opn_1_0' });
      await vi.waitFor(() => expect(seen).toHaveBeenCalledTimes(1), 5000);
      expect(seen).toHaveBeenCalledWith({ operationId: 'opn_1' }, { jobId: 'run_opn_1_0', attempt: 1 });
    });

    it('keeps one job for the same id while it waits', async () => {
      const queue = await openQueue();
      await queue.add('operation.run', { operationId: 'first' }, { jobId: 'same' });
      await queue.add('operation.run', { operationId: 'second' }, { jobId: 'same' });
      await queue.add('operation.run', { operationId: 'last' }, { jobId: 'other' });
      const seen: string[] = [];
      await openWorker({ 'operation.run': async ({ operationId }) => void seen.push(operationId) });
      await vi.waitFor(() => expect(seen).toContain('last'), 5000);
      expect(seen).toEqual(['first', 'last']);
    });

    it('takes the same id again once the job is done', async () => {
      const queue = await openQueue();
      const seen = vi.fn(async () => {});
      await openWorker({ sweep: seen });
      await queue.add('sweep', {}, { jobId: 'again' });
      await vi.waitFor(() => expect(seen).toHaveBeenCalledTimes(1), 5000);
      // The job is taken off a moment after its handler has returned.
      await vi.waitFor(async () => {
        await queue.add('sweep', {}, { jobId: 'again' });
        expect(seen.mock.calls.length).toBeGreaterThan(1);
      }, 5000);
    });

    it('runs a job again when its worker was killed', async () => {
      const queue = await openQueue();
      const child = fork(join(import.meta.dirname, 'hanging-worker.fixture.ts'), [
        kind,
        backend.config.url,
        name,
      ]);
      const taken = once(child, 'message');
      await queue.add('operation.run', { operationId: 'opn_killed' }, { jobId: 'killed' });
      expect(await taken).toContain('opn_killed');
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      const seen = vi.fn(async () => {});
      await openWorker({ 'operation.run': seen });
      await vi.waitFor(() => expect(seen).toHaveBeenCalledTimes(1), 15_000);
      expect(seen).toHaveBeenCalledWith({ operationId: 'opn_killed' }, { jobId: 'killed', attempt: 2 });
    });

    it('keeps a job that takes longer than its lock to one worker', async () => {
      const queue = await openQueue();
      let runs = 0;
      let finish = (): void => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const slow = { sweep: () => new Promise<void>((resolve) => setTimeout(resolve, 7000)).then(finish) };
      const counted: JobHandlers = {
        sweep: () => {
          runs++;
          return slow.sweep();
        },
      };
      // Renewed in time even by a process that stands still for a second.
      await openWorker(counted, { lockMs: 3000 });
      await openWorker(counted, { lockMs: 3000 });
      await queue.add('sweep', {}, { jobId: 'slow' });
      await finished;
      expect(runs).toBe(1);
    });

    it('runs no more jobs at once than it was told, and that many', async () => {
      const queue = await openQueue();
      let now = 0;
      let peak = 0;
      let ended = 0;
      const release: (() => void)[] = [];
      await openWorker(
        {
          'operation.run': async () => {
            peak = Math.max(peak, ++now);
            await new Promise<void>((resolve) => release.push(resolve));
            now--;
            ended++;
          },
        },
        { concurrency: 3 },
      );
      for (let i = 0; i < 7; i++)
        await queue.add('operation.run', { operationId: `o${i}` }, { jobId: `c${i}` });
      await vi.waitFor(() => expect(release.length).toBe(3), 5000);
      const letOn = setInterval(() => release.pop()?.(), 20);
      await vi.waitFor(() => expect(ended).toBe(7), 10_000).finally(() => clearInterval(letOn));
      expect(peak).toBe(3);
    });

    it('runs a schedule once per interval, however often it was set', async () => {
      const queue = await openQueue();
      const at: number[] = [];
      // Changed while its job is being taken, it may go on as it was for one more interval.
      await queue.scheduleEvery('sweep', {}, 60_000);
      for (let i = 0; i < 3; i++) await queue.scheduleEvery('sweep', {}, 200);
      await openWorker({ sweep: async () => void at.push(Date.now()) });
      await vi.waitFor(() => expect(at.length).toBeGreaterThan(5), 10_000);
      const spanMs = (at[5] ?? 0) - (at[0] ?? 0);
      expect(spanMs).toBeGreaterThan(700);
    });

    it('tries a job that raises again, and keeps nothing of the error but its kind', async () => {
      const queue = await openQueue();
      const lines: string[] = [];
      let tries = 0;
      await openWorker(
        {
          sweep: async () => {
            tries++;
            throw tries === 1
              ? new Error('the token is hunter2')
              : new ProductError('cloud_unavailable', 'hunter2', 'hunter2');
          },
        },
        { log: (line) => lines.push(line) },
      );
      await queue.add('sweep', {}, { jobId: 'raises' });
      await vi.waitFor(() => expect(tries).toBe(2), 10_000);
      await vi.waitFor(() => expect(lines).toHaveLength(2), 5000);
      expect(lines).toEqual(['job sweep: Error', 'job sweep: cloud_unavailable']);
    });

    it('keeps the last 200 jobs that were given up, and none that are done', async () => {
      const queue = await openQueue();
      const stored = backendOf(backend.config).queue(name);
      stored.on('error', () => {});
      open.push(() => stored.close());
      // Data of another form is given up at once.
      const wrong = { operationId: 7 } as unknown as { operationId: string };
      for (let i = 0; i < 205; i++) await queue.add('operation.run', wrong, { jobId: `wrong${i}` });
      await queue.add('sweep', {}, { jobId: 'last' });
      const done = vi.fn(async () => {});
      await openWorker({ 'operation.run': done, sweep: done });
      await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(1), 20_000);
      await vi.waitFor(
        async () => expect(await stored.getJobCountByTypes('active', 'waiting')).toBe(0),
        5000,
      );
      expect(await stored.getFailedCount()).toBe(200);
      expect(await stored.getCompletedCount()).toBe(0);
    });

    it('closes without waiting for ever for a job that hangs', async () => {
      const queue = await openQueue();
      let started = false;
      const worker = await openWorker({
        sweep: () => {
          started = true;
          return new Promise(() => {});
        },
      });
      await queue.add('sweep', {}, { jobId: 'hangs' });
      await vi.waitFor(() => expect(started).toBe(true), 5000);
      const before = Date.now();
      await worker.close(200);
      expect(Date.now() - before).toBeLessThan(10_000);
      open.pop();
    });

    it('leaves no handle behind when it is closed', async () => {
      const child = fork(join(import.meta.dirname, 'open-and-close.fixture.ts'), [kind, backend.config.url]);
      await once(child, 'message');
      const [code] = await Promise.race([
        once(child, 'exit'),
        new Promise<[string]>((resolve) => setTimeout(resolve, 15_000, ['still there'])),
      ]);
      child.kill('SIGKILL');
      expect(code).toBe(0);
    });
  });

describe('a queue that is not there', () => {
  for (const kind of ['postgres', 'redis'] as const)
    it(`raises unavailable and tells no password, on ${kind}`, { timeout: 20_000 }, async () => {
      const lines: string[] = [];
      const url = `${kind}://someone:hunter2@127.0.0.1:1/queue`;
      const error = await createQueue({ kind, url }, { log: (line) => lines.push(line) }).catch(
        (raised) => raised,
      );
      expect(error).toMatchObject({ code: 'unavailable' });
      expect(`${lines.join('\n')}\n${error.stack}\n${String(error.cause)}`).not.toContain('hunter2');
    });
});
