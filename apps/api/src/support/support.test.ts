import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { bearerProtocolPrefix, closeCodes, newId, supportProtocol } from '@claw-cloud/contracts';
import { listAuditEvents, takeReport } from '@claw-cloud/core';
import { toBase64Url } from '@claw-cloud/crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { verbContext } from '../parts.ts';
import { dialTunnel, serveHealth, type TestAgentOptions } from '../testing/agent.ts';
import { party, startTestApi, type TestApi } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';

const client = fileURLToPath(new URL('../../../../scripts/support-ssh.mjs', import.meta.url));

describe('a support connection', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ limits: { support: { burst: 1_000, perSecond: 100 } } });
  });
  afterAll(() => api?.stop());

  const context = () =>
    verbContext(
      {
        db: api.database.db,
        queue: { add: async () => undefined },
        now: () => new Date(),
        newId,
        log: { warn: () => undefined },
      } as unknown as Parameters<typeof verbContext>[0],
      'test',
    );

  const serveSupport: TestAgentOptions['onStream'] = (stream: ServerHttp2Stream, headers) => {
    if (headers[':path'] !== '/support') return serveHealth(stream, headers);
    stream.respond({ ':status': 200 });
    stream.write(`hello ${headers['claw-grant']}\n`);
    stream.pipe(stream);
  };

  /** An instance with a tunnel that has reported a grant. */
  const granted = async (onStream = serveSupport, minutes = 60) => {
    const { instanceId, ownerId, identity } = await registeredInstance(api.database.db);
    const agent = await dialTunnel({ url: api.url, instanceId, identity, onStream });
    const token = randomBytes(32).toString('base64url');
    const grant = {
      id: newId('grant'),
      name: 'Ada',
      keyFingerprint: 'SHA256:x',
      root: false,
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + minutes * 60_000).toISOString(),
      tokenHash: createHash('sha256').update(token).digest('hex'),
    };
    let n = 0;
    const report = async (said: unknown) => {
      n += 1;
      const line = { n, id: randomBytes(12).toString('hex'), at: new Date().toISOString(), report: said };
      await takeReport(context(), { instanceId, identityPublicKey: toBase64Url(identity.publicKey), line });
    };
    await report({ kind: 'grant_opened', grant });
    return { instanceId, ownerId, agent, token, grant, report };
  };
  const dial = (grantId: string, token: string, origin?: string) =>
    new WebSocket(
      `${api.url.replace('http', 'ws')}/v1/support/${grantId}`,
      [supportProtocol, `${bearerProtocolPrefix}${token}`],
      origin === undefined ? {} : { origin },
    );
  const refusal = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return { code, reason: reason.toString() };
  };

  it('reaches the server on its grant, byte for byte, and is audited with its size', async () => {
    const { grant, token, agent, ownerId } = await granted();
    const socket = dial(grant.id, token);
    let got = Buffer.alloc(0);
    socket.on('message', (data: Buffer) => {
      got = Buffer.concat([got, data]);
    });
    await once(socket, 'open');
    expect(socket.protocol).toBe(supportProtocol);
    const sent = randomBytes(300_000);
    socket.send(sent);
    const greeting = Buffer.from(`hello ${grant.id}\n`);
    await vi.waitFor(() => expect(got.length).toBe(greeting.length + sent.length), { timeout: 15_000 });
    expect(got.equals(Buffer.concat([greeting, sent]))).toBe(true);
    socket.close();
    await once(socket, 'close');
    const owner = { ...context(), actor: { ownerId } };
    await vi.waitFor(
      async () => {
        const text = JSON.stringify(await listAuditEvents(owner, {}));
        expect(text).toContain(grant.id);
        expect(text).toContain('300000');
      },
      { timeout: 15_000 },
    );
    agent.close();
  });

  it('is refused by its reason, before the server hears of it', async () => {
    let asked = 0;
    const { grant, token, agent, report } = await granted((stream, headers) => {
      if (headers[':path'] === '/support') asked += 1;
      serveHealth(stream, headers);
    });
    expect(await refusal(dial(newId('grant'), token))).toEqual({
      code: closeCodes.notFound,
      reason: 'grant_unknown',
    });
    expect(await refusal(dial('nonsense', token))).toMatchObject({ reason: 'grant_unknown' });
    expect(await refusal(dial(grant.id, 'x'.repeat(43)))).toEqual({
      code: closeCodes.unauthenticated,
      reason: 'grant_token_invalid',
    });
    await report({ kind: 'grant_closed', grantId: grant.id, why: 'revoked' });
    expect(await refusal(dial(grant.id, token))).toEqual({
      code: closeCodes.refused,
      reason: 'grant_ended',
    });
    expect(asked).toBe(0);
    agent.close();
  });

  it('is refused when the server refuses, and when it is not there', async () => {
    const { grant, token, agent } = await granted((stream, headers) => {
      if (headers[':path'] !== '/support') return serveHealth(stream, headers);
      stream.respond({ ':status': 403 }, { endStream: true });
    });
    expect(await refusal(dial(grant.id, token))).toEqual({
      code: closeCodes.refused,
      reason: 'grant_ended',
    });
    agent.close();
    await agent.closed;
    await vi.waitFor(
      async () => expect(await refusal(dial(grant.id, token))).toMatchObject({ code: closeCodes.offline }),
      { timeout: 15_000 },
    );
  });

  it('ends when the server ends it', async () => {
    const streams: ServerHttp2Stream[] = [];
    const { grant, token, agent } = await granted((stream, headers) => {
      if (headers[':path'] === '/support') streams.push(stream);
      serveSupport(stream, headers);
    });
    const socket = dial(grant.id, token);
    await once(socket, 'message');
    streams[0]?.end();
    expect((await refusal(socket)).code).toBe(closeCodes.normal);
    agent.close();
  });

  it('is not for pages of other sites, nor without its subprotocol', async () => {
    const { grant, token, agent } = await granted();
    const [foreign] = (await once(dial(grant.id, token, 'https://evil.example'), 'error')) as [Error];
    expect(foreign.message).toContain('403');
    const plain = new WebSocket(`${api.url.replace('http', 'ws')}/v1/support/${grant.id}`, ['other']);
    const [missing] = (await once(plain, 'error')) as [Error];
    expect(missing.message).toContain('400');
    const ours = dial(grant.id, token, party);
    await once(ours, 'message');
    ours.close();
    agent.close();
  });

  describe('through the client', () => {
    const run = (grantId: string, token: string, input: string) => {
      const child = spawn(process.execPath, [client, api.url, grantId, token]);
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => {
        out += chunk;
        if (out.endsWith(input)) child.stdin.end();
      });
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      child.stdin.on('error', () => undefined);
      child.stdin.write(input);
      return once(child, 'close').then(([code]) => ({ code: code as number, out, err }));
    };

    it('carries what ssh says and hears', async () => {
      const { grant, token, agent } = await granted();
      const input = `SSH-2.0-${'x'.repeat(200_000)}`;
      expect(await run(grant.id, token, input)).toEqual({
        code: 0,
        out: `hello ${grant.id}\n${input}`,
        err: '',
      });
      agent.close();
    });

    it('says why it was refused', async () => {
      const { grant, agent } = await granted();
      const { code, err } = await run(grant.id, 'y'.repeat(43), 'SSH');
      expect(code).toBe(1);
      expect(err).toContain('The token does not belong to this grant.');
      agent.close();
    });
  });
});
