import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ClientHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ReportLine } from '@claw-cloud/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openTunnelPair, type TunnelPair } from '../../testing/tunnel-pair.ts';
import { createReports, type Reports, type ReportsOptions } from './reports.ts';

const health = { agentVersion: '1', openclawVersion: '2', gateway: 'ready', uptimeSeconds: 3 } as const;
const restarted = { kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 } as const;
let folder: string;
let lines: string[];
let pairs: TunnelPair[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claw-outbox-'));
  lines = [];
  pairs = [];
});
afterEach(() => {
  for (const pair of pairs) pair.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (options: Partial<ReportsOptions> = {}): Reports =>
  createReports({ folder, health: () => health, log: (line) => lines.push(line), ...options });

interface Api {
  stream: ClientHttp2Stream;
  got: ReportLine[];
  ack(n: number): void;
}

/** The api's end of a stream of reports. */
function listen(reports: Reports): Api {
  const pair = openTunnelPair((stream) => reports.serve(stream));
  pairs.push(pair);
  const stream = pair.session.request({ ':method': 'POST', ':path': '/reports' }, { endStream: false });
  stream.on('error', () => undefined);
  const got: ReportLine[] = [];
  createInterface({ input: stream }).on('line', (line) => got.push(ReportLine.parse(JSON.parse(line))));
  return { stream, got, ack: (n) => void stream.write(`${JSON.stringify({ ack: n })}\n`) };
}

const kinds = ({ got }: Api) => got.map(({ report }) => report.kind);
const until = (work: () => void) => vi.waitFor(work, { timeout: 10_000 });

test('beats at once and then time and again, with the health of that moment', async () => {
  let uptimeSeconds = 0;
  const reports = open({
    heartbeatEveryMs: 10,
    health: () => ({ ...health, uptimeSeconds: ++uptimeSeconds }),
  });
  const api = listen(reports);
  await until(() => expect(api.got.length).toBeGreaterThan(3));
  expect(api.got.slice(0, 3).map(({ n, report }) => [n, report])).toEqual(
    [1, 2, 3].map((n) => [n, { kind: 'heartbeat', health: { ...health, uptimeSeconds: n } }]),
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('keeps a report until it was acknowledged, through restarts of the agent', async () => {
  open().report(restarted);
  const reports = open();
  reports.report({ kind: 'goodbye' });
  const first = listen(reports);
  await until(() => expect(kinds(first)).toEqual(['gateway_restarted', 'goodbye', 'heartbeat']));
  // The tunnel is lost before an answer: both come again, under the same ids.
  first.stream.close();
  const second = listen(reports);
  await until(() => expect(second.got).toHaveLength(3));
  expect(second.got.slice(0, 2).map(({ id }) => id)).toEqual(first.got.slice(0, 2).map(({ id }) => id));
  const acknowledged: string[] = [];
  reports.onAcknowledged(({ kind }) => acknowledged.push(kind));
  second.ack(1);
  await until(() => expect(readdirSync(folder)).toHaveLength(1));
  expect(acknowledged).toEqual(['gateway_restarted']);
  second.ack(3);
  await until(() => expect(readdirSync(folder)).toEqual([]));
  const third = listen(open());
  await until(() => expect(kinds(third)).toEqual(['heartbeat']));
});

test('sends what happens while somebody listens, and says when it was answered', async () => {
  let answers = 0;
  const reports = open({ onAnswer: () => ++answers });
  const api = listen(reports);
  await until(() => expect(api.got).toHaveLength(1));
  reports.report(restarted);
  await until(() => expect(kinds(api)).toEqual(['heartbeat', 'gateway_restarted']));
  api.ack(2);
  await until(() => expect(readdirSync(folder)).toEqual([]));
  expect(answers).toBe(1);
});

test('a newer stream takes the place of an older one', async () => {
  const reports = open();
  const older = listen(reports);
  await until(() => expect(older.got).toHaveLength(1));
  const newer = listen(reports);
  await until(() => expect(older.stream.closed).toBe(true));
  reports.report(restarted);
  await until(() => expect(kinds(newer)).toContain('gateway_restarted'));
  expect(kinds(older)).toEqual(['heartbeat']);
});

test('closes a stream that answers something else', async () => {
  const api = listen(open());
  api.stream.write('{"ack":"all"}\n');
  await until(() => expect(api.stream.closed).toBe(true));
});

test('throws away what it can’t read, and the oldest of too many', () => {
  writeFileSync(join(folder, '000000000001.json'), '{"id":');
  writeFileSync(join(folder, 'notes.txt'), 'hello');
  const reports = open();
  expect(readdirSync(folder)).toEqual([]);
  for (let count = 0; count < 503; count += 1) reports.report(restarted);
  expect(readdirSync(folder)).toHaveLength(500);
  expect(readdirSync(folder)).not.toContain('000000000003.json');
  expect(lines.join()).toContain('more than 500 reports wait');
});

test('on a disk that takes nothing more, a report is kept in memory', async () => {
  const reports = open();
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  reports.report(restarted);
  expect(lines.join()).toContain('kept in memory only');
  const api = listen(reports);
  await until(() => expect(kinds(api)).toEqual(['gateway_restarted', 'heartbeat']));
});
