import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { DoorAnswer, DoorRequest } from './doorman.ts';
import { programEnvironment } from './env.ts';

/** Opens sockets inside a network namespace, for this process to serve. */
export interface Door {
  tcp(address: string, port: number): Promise<Server>;
  udp(address: string, port: number): Promise<DatagramSocket>;
  close(): Promise<void>;
}

const limitMs = 20_000;

/** Starts the doorman of a namespace. It ends with this process, or at `close()`. */
export function openDoor(namespace: string): Door {
  const script = join(import.meta.dirname, 'doorman.ts');
  const child: ChildProcess = spawn('ip', ['netns', 'exec', namespace, process.execPath, script], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...programEnvironment(), NODE_OPTIONS: '' },
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const waiting = new Map<number, (error: Error | null, socket?: unknown) => void>();
  let ids = 0;
  let gone: Error | undefined;
  const end = (error: Error) => {
    gone ??= error;
    for (const settle of waiting.values()) settle(gone);
    waiting.clear();
  };
  const closed = new Promise<void>((resolve) => {
    child.once('exit', () => {
      end(new Error(`The lab's doorman ended: ${said.trim()}`));
      resolve();
    });
    child.once('error', (error) => {
      end(error);
      resolve();
    });
  });
  child.on('message', (answer: DoorAnswer, socket: unknown) => {
    waiting.get(answer.id)?.(answer.error ? new Error(answer.error) : null, socket);
  });

  function open(kind: DoorRequest['kind'], address: string, port: number): Promise<unknown> {
    if (gone) return Promise.reject(gone);
    ids += 1;
    const id = ids;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => reject(new Error(`no socket after ${limitMs} ms`)), limitMs);
    waiting.set(id, (error, socket) => {
      clearTimeout(timer);
      waiting.delete(id);
      if (error) reject(new Error(`${address}:${port} in ${namespace}: ${error.message}`));
      else resolve(socket);
    });
    child.send({ id, kind, address, port } satisfies DoorRequest);
    return promise;
  }
  return {
    tcp: async (address, port) => (await open('tcp', address, port)) as Server,
    udp: async (address, port) => (await open('udp', address, port)) as DatagramSocket,
    async close() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
      await closed;
      clearTimeout(timer);
    },
  };
}
