import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InstanceReport } from '@claw-cloud/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeRoot, type FakeRoot } from '../../testing/fake-root.ts';
import { fetchAgent } from './fetch-agent.ts';
import { createTrial } from './trial.ts';

const bytes = Buffer.from('the new agent');
const sha256 = createHash('sha256').update(bytes).digest('hex');
const outcome = { from: 'f'.repeat(64), to: sha256, outcome: 'succeeded', reason: null } as const;
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

/** A control plane that serves agents as `answer` says. */
async function serveAgents(answer: (response: http.ServerResponse, url: string) => void) {
  const server = http.createServer((request, response) => answer(response, request.url ?? ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop.signal.addEventListener('abort', () => {
    server.closeAllConnections();
    server.close();
  });
  const controlPlaneUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => fetchAgent({ controlPlaneUrl, sha256, signal: stop.signal, retryBaseMs: 1 });
}

test('fetches an agent by its digest, also from a control plane that is busy at first', async () => {
  let asked = 0;
  const fetch = await serveAgents((response, url) => {
    expect(url).toBe(`/v1/agent/${sha256}`);
    asked += 1;
    if (asked < 3) response.writeHead(503).end();
    else response.end(bytes);
  });
  expect(await fetch()).toEqual(bytes);
});

test('takes no other one, none that is too long, and gives up after a while', async () => {
  const answers: [(response: http.ServerResponse) => void, object][] = [
    [(response) => response.end('another agent'), { code: 'digest_mismatch' }],
    [(response) => response.writeHead(404).end(), { code: 'version_unknown' }],
    [(response) => response.end(Buffer.alloc(3_000_000)), { code: 'unavailable' }],
    [(response) => response.writeHead(500).end(), { code: 'unavailable' }],
  ];
  for (const [answer, error] of answers)
    await expect((await serveAgents(answer))()).rejects.toMatchObject(error);
});

const trial = (root: FakeRoot) => {
  const reports: InstanceReport[] = [];
  const made = createTrial({
    root,
    agentSha256: sha256,
    report: (report) => reports.push(report),
    log: () => undefined,
    signal: stop.signal,
    retryBaseMs: 1,
  });
  return { ...made, reports, verbs: () => root.asked.map(({ verb }) => verb) };
};

test('an agent on trial confirms itself once the control plane was answered, and tells of it', async () => {
  const root = createFakeRoot({
    'agent.status': () => ({ current: sha256, pending: sha256, outcome: null }),
    'agent.confirm': () => ({ confirmed: true }),
    'agent.forget': () => ({}),
  });
  const { run, proven, reports, verbs } = trial(root);
  const running = run();
  await vi.waitFor(() => expect(verbs()).toEqual(['agent.status']), { timeout: 15_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(verbs()).toEqual(['agent.status']);
  root.answers['agent.status'] = () => ({ current: sha256, pending: null, outcome });
  proven();
  await running;
  expect(verbs()).toEqual(['agent.status', 'agent.confirm', 'agent.status', 'agent.forget']);
  expect(reports).toEqual([{ kind: 'agent_update', ...outcome }]);
});

test('an agent that came back tells why, and one that runs as ever says nothing', async () => {
  const back = { from: sha256, to: 'e'.repeat(64), outcome: 'rolled_back', reason: 'It was mute.' } as const;
  const root = createFakeRoot({
    'agent.status': () => ({ current: sha256, pending: null, outcome: back }),
    'agent.forget': () => ({}),
  });
  const returned = trial(root);
  await returned.run();
  expect(returned.reports).toEqual([{ kind: 'agent_update', ...back }]);
  const usual = trial(
    createFakeRoot({ 'agent.status': () => ({ current: sha256, pending: null, outcome: null }) }),
  );
  await usual.run();
  expect([usual.reports, usual.verbs()]).toEqual([[], ['agent.status']]);
});

test('a root that doesn’t answer yet is asked again', async () => {
  let asked = 0;
  const root = createFakeRoot({
    'agent.status': () => {
      asked += 1;
      if (asked < 4) throw new Error('not there');
      return { current: sha256, pending: null, outcome: null };
    },
  });
  await trial(root).run();
  expect(asked).toBe(4);
});
