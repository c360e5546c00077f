import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface Ports {
  postgres: number;
  data: number;
}

/** The ports of the last start, so that a restart is found under the same addresses. 0 where there is none. */
export async function rememberedPorts(dir: string): Promise<Ports> {
  const text = await readFile(join(dir, 'ports.json'), 'utf8').catch(() => '{}');
  const { postgres, data } = JSON.parse(text) as Partial<Ports>;
  return { postgres: Number(postgres) || 0, data: Number(data) || 0 };
}

export async function rememberPorts(dir: string, ports: Ports): Promise<void> {
  await writeFile(join(dir, 'ports.json'), JSON.stringify(ports));
}

/** `wanted` when it is free on loopback, any free one otherwise. */
export async function freePort(wanted: number): Promise<number> {
  return (
    (wanted === 0 ? undefined : await tryPort(wanted)) ??
    (await ownPort()) ??
    Promise.reject(new Error('no free port on 127.0.0.1'))
  );
}

/** Below the range that systems hand out by themselves: between our look and Postgres's start nobody is given it. */
async function ownPort(): Promise<number | undefined> {
  for (let attempt = 1; attempt <= 50; attempt += 1) {
    const port = await tryPort(20_000 + randomInt(12_000));
    if (port !== undefined) return port;
  }
  return undefined;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
