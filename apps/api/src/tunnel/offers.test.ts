import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@claw-cloud/contracts';
import { haltRollout, isOffered, publishRelease } from '@claw-cloud/core/rollout';
import { sampleRelease } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog } from '../log.ts';
import { createReporter, dialTunnel } from '../testing/agent.ts';
import { startTestApi, type TestApi } from '../testing/harness.ts';
import { registeredInstance } from '../testing/instance.ts';
import { createOffers } from './offers.ts';
import type { Tunnel } from './tunnels.ts';

const patient = { timeout: 10_000 };
const agent = { version: '0.2.0', sha256: 'd'.repeat(64) };

let api: TestApi;
let agentDir: string;
beforeAll(async () => {
  agentDir = await mkdtemp(join(tmpdir(), 'claw-offers-'));
  await writeFile(join(agentDir, 'agent.json'), JSON.stringify({ ...agent, openclawVersion: '2026.9.5' }));
  api = await startTestApi({ agentDir }, { timing: { offersMs: 50 } });
});
afterAll(async () => {
  await api?.stop();
  await rm(agentDir, { recursive: true, force: true });
});

const connect = async (
  instanceId: string,
  identity: Awaited<ReturnType<typeof registeredInstance>>['identity'],
) => {
  const reporter = createReporter();
  const tunnel = await dialTunnel({ url: api.url, instanceId, identity, onStream: reporter.onStream });
  return { reporter, tunnel };
};

it('an instance hears what is offered to it when it connects, and again when that changes', async () => {
  const context = { db: api.database.db };
  const [chosen, other] = [
    await registeredInstance(api.database.db),
    await registeredInstance(api.database.db),
  ];
  const reaches = ({ version }: { version: string }, id: string) => isOffered(id, version, '10');
  // One whose first stage reaches the one, and not the other.
  let early = sampleRelease();
  while (!reaches(early, chosen.instanceId) || reaches(early, other.instanceId)) early = sampleRelease();
  const [one, two] = [
    await connect(chosen.instanceId, chosen.identity),
    await connect(other.instanceId, other.identity),
  ];
  const nothing = { openclaw: null, agent };
  await expect.poll(() => one.reporter.offers, patient).toEqual([nothing]);
  await expect.poll(() => two.reporter.offers, patient).toEqual([nothing]);

  await publishRelease(context, { release: early, stage: '10' });
  await expect.poll(() => one.reporter.offers, patient).toEqual([nothing, { openclaw: early, agent }]);

  // Said again to a tunnel that is new, and not to one that has heard it.
  const again = await connect(chosen.instanceId, chosen.identity);
  await expect.poll(() => again.reporter.offers, patient).toEqual([{ openclaw: early, agent }]);

  await haltRollout(context, { version: early.version, reason: 'it fails' });
  await expect.poll(() => again.reporter.offers, patient).toEqual([{ openclaw: early, agent }, nothing]);

  const next = { version: '0.3.0', sha256: 'e'.repeat(64) };
  await writeFile(join(agentDir, 'agent.json'), JSON.stringify(next));
  await expect.poll(() => two.reporter.offers, patient).toEqual([nothing, { openclaw: null, agent: next }]);
  for (const { tunnel } of [one, two, again]) tunnel.close();
});

it('a channel that can’t be read interrupts nothing', async () => {
  const { instanceId, identity } = await registeredInstance(api.database.db);
  const { tunnel, reporter } = await connect(instanceId, identity);
  await expect.poll(() => reporter.offers.length, patient).toBe(1);
  await writeFile(join(agentDir, 'agent.json'), '{');
  await expect.poll(() => api.logged.join(''), patient).toContain('the channel could not be read');
  expect(api.counts().tunnels).toBeGreaterThan(0);
  tunnel.close();
});

it('who connects while everybody is told hears it once', async () => {
  const asked: ServerHttp2Stream[] = [];
  const server = createServer().on('stream', (stream) => void asked.push(stream.resume()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const tunnel = { instanceId: newId('instance'), session } as unknown as Tunnel;
  const offers = createOffers({
    channel: async () => [],
    agent: async () => agent,
    tunnels: () => [tunnel],
    log: createLog(() => undefined),
    everyMs: 60_000,
  });
  try {
    await offers.greet({ ...tunnel, session: { closed: true } } as unknown as Tunnel);
    const told = Promise.all([offers.greet(tunnel), offers.refresh()]);
    await expect.poll(() => asked.length, patient).toBe(1);
    asked[0]?.respond({ ':status': 204 }, { endStream: true });
    await told;
    expect(asked).toHaveLength(1);
  } finally {
    offers.stop();
    session.destroy();
    server.close();
  }
});
