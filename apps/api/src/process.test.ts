import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bearerProtocolPrefix, ownerChannelProtocol } from '@claw-cloud/contracts';
import { freePort, startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { dialTunnel, serveEcho } from './testing/agent.ts';
import { registeredInstance } from './testing/instance.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

describe('the api as a process', () => {
  let database: TestDatabase;
  let folder: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    database = await startTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'claw-api-process-'));
  });
  afterAll(async () => {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    await database?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const operatorToken = randomBytes(24).toString('hex');
  const environment = (port: number) => ({
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    SUPABASE_URL: database.url,
    SUPABASE_SECRET_KEY: database.secretKey,
    SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
    SUPABASE_JWT_SECRET: database.jwtSecret,
    QUEUE_DATABASE_URL: database.postgresUrl('queue'),
    AUTH_DATABASE_URL: database.postgresUrl('auth'),
    AUTH_SECRET: 'a secret of the test that is long enough',
    LOCAL_OPERATOR_TOKEN: operatorToken,
  });
  const start = (env: Record<string, string>, args: string[] = []) => {
    const child = spawn(process.execPath, [...args, main], {
      env,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const output: string[] = [];
    const ready = new Promise<{ url: string }>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => {
          output.push(line);
          if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as { url: string });
        });
      // Its last words may come after its exit, and before this.
      child.once('close', () => reject(new Error(output.join('\n'))));
    });
    return { child, output, ready };
  };

  it('names every setting that is wrong, and none of their values', async () => {
    const { child, output, ready } = start({
      ...environment(0),
      AUTH_SECRET: 'tooshort',
      SUPABASE_URL: 'not a url',
    });
    await expect(ready).rejects.toThrow();
    expect(child.exitCode).toBe(1);
    const text = output.join('\n');
    expect(text).toMatch(/^AUTH_SECRET is not valid\. Set it to 32 random characters/m);
    expect(text).toMatch(/^SUPABASE_URL is not valid\./m);
    expect(text).not.toContain('tooshort');
  });

  it('signs in by a link, relays a channel that no string of it remembers, and ends cleanly', async () => {
    const canary = `canary-${randomBytes(16).toString('hex')}`;
    const port = await freePort(0);
    const { child, output, ready } = start(environment(port), ['--heapsnapshot-signal=SIGUSR2']);
    const { url } = await ready;

    const wrong = await post(
      `${url}/v1/local/sign-in-links`,
      { email: 'a@x.example' },
      { authorization: 'Bearer guess' },
    );
    expect(wrong.status).toBe(401);
    const made = await post(
      `${url}/v1/local/sign-in-links`,
      { email: 'a@x.example' },
      { authorization: `Bearer ${operatorToken}` },
    );
    expect(made.status).toBe(201);
    const link = (await made.json()) as { token: string; url: string };
    expect(link.url).toBe(`${url}/#/sign-in?link=${link.token}`);
    const exchanged = await post(`${url}/auth/one-time-token/verify`, { token: link.token }, { origin: url });
    expect(exchanged.status).toBe(200);
    const cookie = exchanged.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const { token } = (await (await fetch(`${url}/auth/token`, { headers: { cookie } })).json()) as {
      token: string;
    };
    const me = await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
    const { ownerId, email } = (await me.json()) as { ownerId: string; email: string };
    expect(email).toBe('a@x.example');

    const { instanceId, identity } = await registeredInstance(database.db, ownerId);
    const agent = await dialTunnel({ url, instanceId, identity, onStream: serveEcho });
    const socket = new WebSocket(
      `${url.replace('http', 'ws')}/v1/instances/${instanceId}/channel`,
      [ownerChannelProtocol, `${bearerProtocolPrefix}${token}`],
      { origin: url },
    );
    await once(socket, 'open');
    for (let i = 0; i < 20; i += 1) {
      const back = once(socket, 'message');
      socket.send(Buffer.from(`${canary} ${i}`));
      await back;
    }

    child.kill('SIGUSR2');
    const snapshot = await heapSnapshot(folder, url);
    expect(snapshot).toContain(instanceId);
    expect(snapshot).not.toContain(canary);
    expect(output.join('\n')).not.toContain(canary);
    expect(output.join('\n')).not.toContain(link.token);
    expect(output.join('\n')).not.toContain(token);

    const closed = Promise.all([once(socket, 'close'), agent.closed]);
    const exited = once(child, 'exit');
    const started = performance.now();
    child.kill('SIGTERM');
    const [[code]] = await closed;
    expect(code).toBe(1001);
    expect((await exited)[0]).toBe(0);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await database.db.machine.tunnel(instanceId)).toBeNull();
  }, 60_000);
});

const post = (url: string, body: unknown, headers: Record<string, string>) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });

/** The snapshot that the process writes on the signal. It does nothing else meanwhile: once it answers, it is whole. */
async function heapSnapshot(folder: string, url: string): Promise<string> {
  const written = async () => (await readdir(folder)).find((name) => name.endsWith('.heapsnapshot'));
  await expect.poll(written, { timeout: 30_000 }).toBeDefined();
  await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(30_000) });
  return readFile(join(folder, (await written()) ?? ''), 'utf8');
}
