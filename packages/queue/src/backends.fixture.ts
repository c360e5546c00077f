import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startTestDatabase } from '@claw-cloud/db/testing';
import type { QueueConfig } from './types.ts';

export interface Backend {
  readonly config: QueueConfig;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Backend> {
  const database = await startTestDatabase();
  return { config: { kind: 'postgres', url: database.postgresUrl('queue') }, stop: database.stop };
}

export const redisIsInstalled = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

/** A real Redis of its own on a free port, which keeps nothing. */
export async function startRedis(): Promise<Backend> {
  if (!redisIsInstalled())
    throw new Error(
      'redis-server is not installed. On Debian: apt-get install redis-server, then stop its service.',
    );
  const dir = await mkdtemp(join(tmpdir(), 'claw-test-redis-'));
  const port = await freePort(0);
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
  ];
  const server = spawn('redis-server', [...flags, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
  await reachable(port);
  return {
    config: { kind: 'redis', url: `redis://127.0.0.1:${port}` },
    stop: async () => {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function reachable(port: number): Promise<void> {
  const until = Date.now() + 10_000;
  while (Date.now() < until) {
    const socket = createConnection(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('redis-server did not start within 10 s');
}
