import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, connect as socketTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { InstanceReport } from '@claw-cloud/contracts';
import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeRoot, type FakeRoot } from '../../testing/fake-root.ts';
import { type Audit, createAudit } from '../audit/audit.ts';
import type { Notice } from '../owner/notices.ts';
import type { GrantState } from './kept-grants.ts';
import { createSupport, type Support } from './support.ts';

let folder: string;
let audit: Audit;
let reports: InstanceReport[];
let notices: Notice[];
let kept: Map<string, GrantState>;
let root: FakeRoot;
let stop: AbortController;
let now: number;
let door: Server;
/** What the daemons do as their grant is closed. */
let asClosed: () => void;

beforeEach(async () => {
  asClosed = () => undefined;
  await ready();
  folder = mkdtempSync(join(tmpdir(), 'support-'));
  audit = createAudit({ dir: join(folder, 'audit'), log: () => undefined });
  [reports, notices, kept] = [[], [], new Map()];
  stop = new AbortController();
  now = Date.parse('2026-11-25T12:00:00Z');
  door = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => {
    door.listen(join(folder, 'door.sock'), resolve);
  });
  const end = (id: string, endedWhy: GrantState['endedWhy']): GrantState => {
    const grant = kept.get(id);
    if (!grant) throw new Error('no such grant');
    const ended = { ...grant, endedAt: new Date(now).toISOString(), endedWhy };
    kept.set(id, ended);
    return ended;
  };
  root = createFakeRoot({
    'support.open': ({ grantId, name, root: asRoot, seconds }) => {
      const times = {
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + seconds * 1000).toISOString(),
      };
      const keyFingerprint = 'SHA256:x';
      const grant = { id: grantId, name, keyFingerprint, root: asRoot, ...times };
      kept.set(grantId, { ...grant, endedAt: null, endedWhy: null, sessions: [] });
      return { keyFingerprint, hostKey: 'ssh-ed25519 AAAA', ...times };
    },
    'support.close': ({ grantId }) => {
      asClosed();
      return end(grantId, 'revoked');
    },
    'support.list': () => ({ grants: [...kept.values()] }),
    'support.log': () => ({ events: [], cursor: null }),
  });
});
afterEach(async () => {
  stop.abort();
  await new Promise<void>((resolve) => {
    door.close(() => resolve());
  });
  rmSync(folder, { recursive: true, force: true });
});

const open = (over: Partial<Parameters<typeof createSupport>[0]> = {}): Support =>
  createSupport({
    root,
    state: folder,
    audit,
    report: (report) => reports.push(report),
    notify: (notice) => notices.push(notice),
    log: () => undefined,
    signal: stop.signal,
    now: () => new Date(now),
    connect: () => socketTo(join(folder, 'door.sock')),
    everyMs: 3_600_000,
    ...over,
  });
const asked = { name: 'Ada', publicKey: 'ssh-ed25519 AAAA', minutes: 60, root: false, confirmLong: false };
const actions = () => audit.list(0, 500).entries.map(({ action, outcome }) => `${action} ${outcome}`);

/** What the tunnel hands over, as far as support looks at it. */
function stream() {
  const statuses: number[] = [];
  const duplex = new Duplex({
    read() {
      // Pushed by write().
    },
    write(chunk, _encoding, done) {
      said += chunk;
      done();
    },
  });
  let said = '';
  const fake = Object.assign(duplex, {
    respond: (headers: { ':status': number }) => statuses.push(headers[':status']),
    close: () => duplex.destroy(),
  });
  return { statuses, said: () => said, duplex, stream: fake as unknown as ServerHttp2Stream };
}

test('a grant is told to the control plane by a hash of its token, and stands in the audit', async () => {
  const support = open();
  const { grant, token } = await support.grant(asked, 'owner:phone');
  const tokenHash = createHash('sha256').update(token).digest('hex');
  expect(reports).toMatchObject([{ kind: 'grant_opened', grant: { id: grant.id, tokenHash } }]);
  expect(JSON.stringify(reports)).not.toContain(token);
  expect(actions()).toEqual(['support.grant allowed']);
});

test('more than four hours need a second word, and a sandbox lets nobody in', async () => {
  const long = { ...asked, minutes: 241 };
  await expect(open().grant(long, 'owner')).rejects.toMatchObject({ code: 'confirmation_needed' });
  expect(root.asked.some(({ verb }) => verb === 'support.open')).toBe(false);
  expect((await open().grant({ ...long, confirmLong: true }, 'owner')).grant.name).toBe('Ada');
  await expect(open({ root: null }).grant(asked, 'owner')).rejects.toMatchObject({ code: 'machine_needed' });
});

test('nobody is let in where the audit can not be written', async () => {
  const support = open({ audit: { ...audit, record: () => null } });
  await expect(support.grant(asked, 'owner')).rejects.toMatchObject({ code: 'disk_full' });
  expect([...kept.values()]).toMatchObject([{ endedWhy: 'revoked' }]);
  expect(reports).toEqual([]);
});

test('warns once, five minutes before the end, and tells the end once, over a restart too', async () => {
  const support = open();
  const { grant } = await support.grant(asked, 'owner');
  await support.settle();
  expect(notices).toEqual([]);
  now += 55 * 60_000;
  await support.settle();
  await support.settle();
  expect(notices).toMatchObject([{ kind: 'grant_ending', grantId: grant.id, endsAt: grant.endsAt }]);
  const state = kept.get(grant.id);
  if (state) kept.set(grant.id, { ...state, endedAt: grant.endsAt, endedWhy: 'expired' });
  const again = open();
  await again.settle();
  await again.settle();
  expect(notices.at(-1)).toMatchObject({ kind: 'grant_ended', why: 'expired' });
  expect(reports.filter(({ kind }) => kind === 'grant_closed')).toMatchObject([{ why: 'expired' }]);
});

test('a grant nobody was told of is closed at the next start', async () => {
  const support = open();
  const { grant } = await support.grant(asked, 'owner');
  rmSync(join(folder, 'support.json'));
  await open().settle();
  expect(kept.get(grant.id)).toMatchObject({ endedWhy: 'revoked' });
});

test('passes bytes on while the grant lives, four connections at once, and none to another', async () => {
  const support = open();
  const { grant } = await support.grant(asked, 'owner');
  const first = stream();
  support.serve(first.stream, grant.id);
  first.duplex.push('SSH-2.0-x\r\n');
  await vi.waitFor(() => expect(first.said()).toBe('SSH-2.0-x\r\n'), { timeout: 15_000 });
  expect(first.statuses).toEqual([200]);
  const more = [stream(), stream(), stream(), stream()];
  for (const one of more) support.serve(one.stream, grant.id);
  await vi.waitFor(
    () => expect(more.flatMap(({ statuses }) => statuses).sort()).toEqual([200, 200, 200, 429]),
    {
      timeout: 15_000,
    },
  );
  const foreign = [stream(), stream()];
  support.serve((foreign[0] as ReturnType<typeof stream>).stream, 'grt_000000000000000000000000');
  support.serve((foreign[1] as ReturnType<typeof stream>).stream, undefined);
  expect(foreign.flatMap(({ statuses }) => statuses)).toEqual([403, 403]);
  await support.revoke({ grantId: grant.id }, 'owner');
  await vi.waitFor(() => expect(first.duplex.destroyed).toBe(true), { timeout: 15_000 });
  expect(actions()).toContain('support.connect allowed');
  expect(actions()).toContain('support.connect denied');
});

test('what the daemon says last reaches the supporter; nothing more goes in, and nobody can hold it open', async () => {
  const heard: string[] = [];
  door.removeAllListeners('connection');
  door.on('connection', (socket) => {
    socket.on('error', () => undefined).on('data', (chunk) => heard.push(String(chunk)));
    socket.write('SSH-2.0-x\r\n');
    asClosed = () => socket.end('*** ended ***');
  });
  const support = open();
  const { grant } = await support.grant(asked, 'owner');
  const one = stream();
  support.serve(one.stream, grant.id);
  await vi.waitFor(() => expect(one.said()).toBe('SSH-2.0-x\r\n'), { timeout: 15_000 });
  await support.revoke({ grantId: grant.id }, 'owner');
  one.duplex.push('too late');
  await vi.waitFor(() => expect(one.said()).toContain('*** ended ***'), { timeout: 15_000 });
  await vi.waitFor(() => expect(one.duplex.destroyed).toBe(true), { timeout: 15_000 });
  expect(heard).toEqual([]);
});

test('a door that is gone is a refusal, and knocking without end fills no record', async () => {
  const support = open({ connect: () => socketTo(join(folder, 'gone.sock')) });
  const { grant } = await support.grant(asked, 'owner');
  const one = stream();
  support.serve(one.stream, grant.id);
  await vi.waitFor(() => expect(one.statuses).toEqual([403]), { timeout: 15_000 });
  for (let n = 0; n < 100; n += 1) support.serve(stream().stream, 'nonsense');
  const denied = audit.list(0, 500).entries.filter(({ outcome }) => outcome === 'denied');
  expect(denied).toHaveLength(31);
  expect(denied.at(-1)?.detail['reason']).toBe('too_many_attempts');
});
