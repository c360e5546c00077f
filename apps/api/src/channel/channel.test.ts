import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import {
  bearerProtocolPrefix,
  closeCodes,
  newId,
  ownerChannelProtocol,
  relayMessageLimitBytes,
} from '@claw-cloud/contracts';
import { destroyed } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  dialTunnel,
  serveEcho,
  serveHealth,
  type TestAgent,
  type TestAgentOptions,
} from '../testing/agent.ts';
import { party, startTestApi, type TestApi, type TestPerson } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';

describe('the owner channel', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({}, { timing: { trafficMs: 50, channelRecheckMs: 100 } });
  });
  afterAll(() => api?.stop());

  /** An instance whose tunnel is open, and its owner. */
  const connected = async (onStream: TestAgentOptions['onStream'] = serveEcho) => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream });
    expect(agent.verdict.type).toBe('welcome');
    return { instanceId, agent, person: await api.person(ownerId) };
  };
  const dial = (instanceId: string, protocols: string[], options: { origin?: string } = {}) =>
    new WebSocket(`${api.url.replace('http', 'ws')}/v1/instances/${instanceId}/channel`, protocols, {
      perMessageDeflate: false,
      ...options,
    });
  const open = async (instanceId: string, person: TestPerson) => {
    const socket = dial(
      instanceId,
      [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`],
      { origin: party },
    );
    await once(socket, 'open');
    return socket;
  };
  const closing = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return { code, reason: reason.toString() };
  };
  const end = async (socket: WebSocket, agent: TestAgent) => {
    const closed = once(socket, 'close');
    socket.close();
    agent.close();
    await closed;
  };

  it('passes bytes both ways as they are', async () => {
    const { instanceId, agent, person } = await connected();
    const socket = await open(instanceId, person);
    expect(socket.protocol).toBe(ownerChannelProtocol);
    for (const size of [1, 100, 70_000]) {
      const sent = randomBytes(size);
      let got = Buffer.alloc(0);
      const whole = new Promise<void>((resolve) => {
        socket.on('message', (data: Buffer, isBinary) => {
          expect(isBinary).toBe(true);
          got = Buffer.concat([got, data]);
          if (got.length >= size) resolve();
        });
      });
      socket.send(sent);
      await whole;
      socket.removeAllListeners('message');
      expect(got.equals(sent)).toBe(true);
    }
    await end(socket, agent);
    await expect.poll(() => api.counts().channels).toBe(0);
  });

  it('refuses who is not signed in, and any instance that is not theirs, with a code a browser can read', async () => {
    const { instanceId, agent } = await connected();
    const stranger = await api.person();
    const withToken = async (person: TestPerson, id: string) =>
      closing(dial(id, [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`]));
    expect(await withToken(stranger, instanceId)).toEqual({ code: closeCodes.notFound, reason: 'not_found' });
    expect(await withToken(stranger, newId('instance'))).toEqual({
      code: closeCodes.notFound,
      reason: 'not_found',
    });
    expect(await withToken(stranger, 'nonsense')).toEqual({ code: closeCodes.notFound, reason: 'not_found' });
    for (const protocols of [[ownerChannelProtocol], [ownerChannelProtocol, 'bearer.x.y.z']])
      expect(await closing(dial(instanceId, protocols))).toEqual({
        code: closeCodes.unauthenticated,
        reason: 'unauthenticated',
      });
    expect(api.counts().channels).toBe(0);
    agent.close();
  });

  it('says so when the instance is not connected', async () => {
    const { instanceId, ownerId } = await registeredInstance(api.database.db);
    const person = await api.person(ownerId);
    const socket = dial(instanceId, [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`]);
    expect(await closing(socket)).toEqual({ code: closeCodes.offline, reason: 'instance_offline' });
  });

  it('says so when the agent takes no owner', async () => {
    const { instanceId, agent, person } = await connected(serveHealth);
    const socket = dial(instanceId, [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`]);
    expect(await closing(socket)).toEqual({ code: closeCodes.offline, reason: 'instance_not_ready' });
    agent.close();
  });

  it('lets no page of another origin in', async () => {
    const { instanceId, agent, person } = await connected();
    for (const origin of ['https://evil.example', 'null', `${party}.evil.example`]) {
      const socket = dial(
        instanceId,
        [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`],
        { origin },
      );
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      expect(response.statusCode).toBe(403);
      socket.on('error', () => undefined);
      socket.terminate();
    }
    agent.close();
  });

  it('ends at a message above 1 MiB, and nothing is left of it', async () => {
    let stream: ServerHttp2Stream | undefined;
    let heard = 0;
    const { instanceId, agent, person } = await connected((opened, headers) => {
      if (headers[':path'] !== '/owner') return serveHealth(opened, headers);
      stream = opened;
      opened.respond({ ':status': 200 });
      opened.on('data', (chunk: Buffer) => {
        heard += chunk.length;
      });
    });
    const socket = await open(instanceId, person);
    socket.send(Buffer.alloc(relayMessageLimitBytes));
    await expect.poll(() => heard, { timeout: 5_000 }).toBe(relayMessageLimitBytes);
    const closed = closing(socket);
    // What says it is 100 MB is refused at its first bytes.
    socket.send(Buffer.alloc(relayMessageLimitBytes + 1));
    expect((await closed).code).toBe(closeCodes.tooLarge);
    await expect.poll(() => stream?.closed || stream?.readableEnded).toBe(true);
    stream?.end();
    await expect.poll(() => api.counts().channels).toBe(0);
    expect(heard).toBe(relayMessageLimitBytes);
    agent.close();
  });

  it('refuses text', async () => {
    const { instanceId, agent, person } = await connected();
    const socket = await open(instanceId, person);
    socket.send('hello');
    expect((await closing(socket)).code).toBe(1003);
    agent.close();
  });

  it('closes when the tunnel breaks', async () => {
    const { instanceId, agent, person } = await connected();
    const socket = await open(instanceId, person);
    agent.close();
    expect(await closing(socket)).toEqual({ code: closeCodes.offline, reason: 'instance_offline' });
    await expect.poll(() => api.counts(), { timeout: 5_000 }).toEqual({ tunnels: 0, channels: 0 });
  });

  it('closes when the agent ends it, after all it had said', async () => {
    const { instanceId, agent, person } = await connected((stream, headers) => {
      if (headers[':path'] !== '/owner') return serveHealth(stream, headers);
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(300_000));
    });
    const socket = dial(instanceId, [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`]);
    let got = 0;
    socket.on('message', (data: Buffer) => {
      got += data.length;
    });
    expect((await closing(socket)).code).toBe(closeCodes.normal);
    expect(got).toBe(300_000);
    agent.close();
  });

  it('closes when the instance is destroyed', async () => {
    const { instanceId, agent, person } = await connected();
    const socket = await open(instanceId, person);
    const closed = closing(socket);
    await destroyed(api.database.db, person.ownerId, instanceId);
    expect(await closed).toEqual({ code: closeCodes.notFound, reason: 'not_found' });
    agent.close();
  });

  it('lets an owner have 20 at once, and the 21st after one has ended', async () => {
    const { instanceId, agent, person } = await connected();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(instanceId, person)));
    const token = `${bearerProtocolPrefix}${await person.token()}`;
    expect(await closing(dial(instanceId, [ownerChannelProtocol, token]))).toEqual({
      code: closeCodes.refused,
      reason: 'rate_limited',
    });
    sockets[0]?.close();
    await expect.poll(() => api.counts().channels).toBe(19);
    await open(instanceId, person);
    agent.close();
    await expect.poll(() => api.counts(), { timeout: 5_000 }).toEqual({ tunnels: 0, channels: 0 });
  });

  it('holds back a fast owner while the instance reads slowly, in bounded memory', async () => {
    const total = 50 * 1024 * 1024;
    const chunk = randomBytes(256 * 1024);
    let heard = 0;
    const hash = createHash('sha256');
    let paused: ServerHttp2Stream | undefined;
    const { instanceId, agent, person } = await connected((stream, headers) => {
      if (headers[':path'] !== '/owner') return serveHealth(stream, headers);
      stream.respond({ ':status': 200 });
      stream.pause();
      stream.on('data', (data: Buffer) => {
        heard += data.length;
        hash.update(data);
      });
      stream.pause();
      paused = stream;
    });
    const socket = await open(instanceId, person);
    for (let sent = 0; sent < total; sent += chunk.length) socket.send(chunk);
    // The api, in this same process, has taken what its windows allow; the rest waits in the sender's socket.
    await expect.poll(() => settled(() => socket.bufferedAmount), { timeout: 15_000 }).toBe(true);
    expect(socket.bufferedAmount).toBeGreaterThan(total - 16 * 1024 * 1024);
    expect(heard).toBe(0);
    paused?.resume();
    await expect.poll(() => heard, { timeout: 15_000 }).toBe(total);
    const expected = createHash('sha256');
    for (let sent = 0; sent < total; sent += chunk.length) expected.update(chunk);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    await end(socket, agent);
  }, 60_000);

  it('holds back a fast instance while the owner reads slowly', async () => {
    const total = 50 * 1024 * 1024;
    let written = 0;
    const { instanceId, agent, person } = await connected((stream, headers) => {
      if (headers[':path'] !== '/owner') return serveHealth(stream, headers);
      stream.respond({ ':status': 200 });
      const more = () => {
        while (written < total) {
          written += 256 * 1024;
          if (!stream.write(Buffer.alloc(256 * 1024, 7))) return stream.once('drain', more);
        }
        return stream.end();
      };
      more();
    });
    const socket = dial(instanceId, [ownerChannelProtocol, `${bearerProtocolPrefix}${await person.token()}`]);
    let got = 0;
    socket.on('message', (data: Buffer) => {
      got += data.length;
    });
    await once(socket, 'open');
    socket.pause();
    await expect.poll(() => settled(() => written), { timeout: 15_000 }).toBe(true);
    // Windows, stream buffers and the kernel's socket buffers, nothing beyond.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    socket.resume();
    await expect.poll(() => got, { timeout: 15_000 }).toBe(total);
    agent.close();
  }, 60_000);

  it('counts what went through and keeps nothing of it', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    const { instanceId, agent, person } = await connected();
    const socket = await open(instanceId, person);
    for (let i = 0; i < 5; i += 1) {
      const back = once(socket, 'message');
      socket.send(Buffer.from(`${canary}-${i}`));
      await back;
    }
    await end(socket, agent);
    const size = canary.length + 2;
    await expect
      .poll(() => traffic(instanceId), { timeout: 5_000 })
      .toEqual({ messages: 10, up: 5 * size, down: 5 * size });
    expect(api.logged.join('')).not.toContain(canary);
  });

  const traffic = async (instanceId: string) => {
    const { url, secretKey } = api.database;
    const columns = 'select=messages,up:bytes_up,down:bytes_down';
    const rows = await fetch(`${url}/rest/v1/instances?id=eq.${instanceId}&${columns}`, {
      headers: { apikey: secretKey },
      signal: AbortSignal.timeout(5_000),
    });
    const [row] = (await rows.json()) as Record<string, unknown>[];
    return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]));
  };
});

/** Whether a number has stopped to change for 900 ms. */
async function settled(read: () => number): Promise<boolean> {
  const before = read();
  for (let look = 0; look < 3; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (before === 0 || read() !== before) return false;
  }
  return true;
}
