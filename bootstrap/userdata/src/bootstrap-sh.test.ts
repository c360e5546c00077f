import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMachine, type Machine, makeBirth } from '../../agent/testing/machine.ts';
import { type StubControlPlane, startStubControlPlane } from '../../agent/testing/stub-control-plane.ts';
import { buildUserData } from './index.ts';

/** An agent that only writes down that it was started, and how. */
const agent = `import { appendFileSync } from 'node:fs';
appendFileSync(process.env.CLAW_ROOT + '/started', process.argv[2] + '\\n');\n`;
const sha256 = createHash('sha256').update(agent).digest('hex');
const token = 'T'.repeat(43);
const quick = { CLAW_RETRY_SECONDS: '0', CLAW_FETCH_ATTEMPTS: '3' };

let folder: string;
let controlPlane: StubControlPlane;
let machine: Machine;

beforeEach(async () => {
  await ready();
  folder = mkdtempSync(join(tmpdir(), 'claw-bundles-'));
  writeFileSync(join(folder, `${sha256}.mjs`), agent);
  controlPlane = await startStubControlPlane({ bundleDir: folder, token });
  machine = createMachine(quick);
});

afterEach(async () => {
  await machine.remove();
  await controlPlane.close();
  rmSync(folder, { recursive: true, force: true });
});

const born = (url = controlPlane.url, sha = sha256) =>
  machine.writeFiles(buildUserData(makeBirth(url, sha, token).config));
const fetches = () => controlPlane.requests.filter((line) => line.includes('/v1/agent/')).length;
const started = () => (existsSync(join(machine.root, 'started')) ? machine.read('started') : '');

/** A folder of links to the programs a plain system has, without some of them. */
function systemWithout(...absent: string[]): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const programs = [
    'sh',
    'sed',
    'head',
    'tr',
    'cut',
    'date',
    'mkdir',
    'mv',
    'rm',
    'chmod',
    'sleep',
    'od',
    'sha256sum',
    'curl',
    'cat',
  ];
  for (const program of programs) {
    const real = ['/usr/bin', '/bin'].map((where) => join(where, program)).find((file) => existsSync(file));
    if (real && !absent.includes(program)) symlinkSync(real, join(bin, program));
  }
  if (!absent.includes('node')) symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

test('fetches the agent by its SHA-256, starts it, and goes on from there at later boots', async () => {
  born();
  const { code, output } = await machine.boot();
  expect([code, started()], output).toEqual([0, 'bootstrap\n']);
  expect(controlPlane.phases).toMatchObject([{ phase: 'booting', status: 'started' }]);
  expect(statSync(join(machine.root, 'etc/claw/bootstrap.json')).mode & 0o777).toBe(0o600);

  const hook = join(machine.root, 'etc/claw/boot.d/10-claw-agent');
  expect(statSync(hook).mode & 0o777).toBe(0o700);
  writeFileSync(join(machine.root, 'opt/claw/hook.sh'), `exec "${hook}"`);
  const again = await machine.boot({}, 'opt/claw/hook.sh');
  expect([again.code, started()], again.output).toEqual([0, 'bootstrap\nbootstrap\n']);
  expect(fetches()).toBe(1);
});

test('never runs an agent with another SHA-256, and says so', async () => {
  const wrong = 'b'.repeat(64);
  writeFileSync(join(folder, `${wrong}.mjs`), agent);
  born(controlPlane.url, wrong);
  const { code, output } = await machine.boot();
  expect([code, started()]).toEqual([1, '']);
  expect(fetches()).toBe(3);
  expect(output).toContain(`its SHA-256 is ${sha256}, expected ${wrong}`);
  expect(controlPlane.phases.at(-1)).toMatchObject({ phase: 'booting', status: 'failed' });
  expect(controlPlane.phases.at(-1)?.message).toContain('in 3 attempts: its SHA-256 is');
  expect(readdirSync(join(machine.root, 'opt/claw/agent'))).toEqual([]);
});

test('fetches again where a damaged agent lies', async () => {
  born();
  const there = join(machine.root, `opt/claw/agent/${sha256}.mjs`);
  mkdirSync(dirname(there), { recursive: true });
  writeFileSync(there, 'half an ag');
  expect((await machine.boot()).code).toBe(0);
  expect([fetches(), started()]).toEqual([1, 'bootstrap\n']);
});

test('gives up after bounded attempts while the control plane is away', async () => {
  born('http://127.0.0.1:9');
  const { code, output } = await machine.boot();
  expect([code, started()]).toEqual([1, '']);
  expect(output.match(/agent not fetched, attempt \d of 3/g)).toHaveLength(3);
  expect(output).toContain('the control plane did not take the report');
});

test('names Node where it is missing or too old', async () => {
  born();
  const bin = systemWithout('node');
  expect((await machine.boot({ PATH: bin })).code).toBe(1);
  expect(controlPlane.phases.at(-1)).toMatchObject({
    status: 'failed',
    message: 'Node.js 24 is not installed on this machine',
  });
  for (const version of ['22.20.0', '24.15.9', '25.9.0']) {
    writeFileSync(join(bin, 'node'), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    expect((await machine.boot({ PATH: bin })).code).toBe(1);
    const message = `Node.js ${version} was found; needed is 24.16 or a later 24, or 26`;
    expect(controlPlane.phases.at(-1)?.message).toBe(message);
  }
});

test('does without curl and sha256sum', async () => {
  born();
  const { code, output } = await machine.boot({ PATH: systemWithout('curl', 'sha256sum') });
  expect([code, started()], output).toEqual([0, 'bootstrap\n']);
  expect(controlPlane.phases).toMatchObject([
    { phase: 'booting', status: 'started', message: 'The machine is up' },
  ]);
});

test('keeps the token off every command line', async () => {
  born();
  const bin = systemWithout('curl');
  const seen = join(folder, 'arguments');
  writeFileSync(join(bin, 'curl'), `#!/bin/sh\necho "$@" >>"${seen}"\nexec /usr/bin/curl "$@"\n`, {
    mode: 0o755,
  });
  expect((await machine.boot({ PATH: bin })).code).toBe(0);
  expect(readFileSync(seen, 'utf8')).toContain('/v1/agent/');
  expect(readFileSync(seen, 'utf8')).not.toContain(token);
});
