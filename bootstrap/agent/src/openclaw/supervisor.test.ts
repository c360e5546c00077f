import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort } from '../../testing/free-port.ts';
import { isRunning } from '../live-process.ts';
import { createPaths } from '../paths.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

/** A gateway that says who it is, has a helper as OpenClaw has, answers /readyz, and ends when it is told. */
const gateway = `
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import http from 'node:http';
const { port } = JSON.parse(readFileSync(process.env.OPENCLAW_CONFIG_PATH, 'utf8'));
const helper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
appendFileSync(process.env.OPENCLAW_STATE_DIR + '/pids', process.pid + ' ' + helper.pid + '\\n');
appendFileSync(process.env.OPENCLAW_STATE_DIR + '/env', JSON.stringify({ env: process.env, argv: process.argv }) + '\\n');
console.log('gateway says hello');
http.createServer((request, response) => {
  if (request.url === '/crash') process.exit(7);
  if (request.url === '/refuse') process.exit(78);
  response.writeHead(request.url === '/readyz' ? 200 : 404).end();
}).listen(port, '127.0.0.1');
if (!process.env.OPENCLAW_STATE_DIR.includes('deaf')) process.on('SIGTERM', () => { helper.kill(); process.exit(0); });
else process.on('SIGTERM', () => {});
`;

let root: string;
let port: number;
let supervisor: Supervisor | null;
let lines: string[];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'claw-supervisor-'));
  lines = [];
  supervisor = null;
  port = await freePort();
});
afterEach(async () => {
  await supervisor?.stop(500);
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

function build(folder = root) {
  const paths = createPaths(folder, null);
  for (const made of [paths.openclawState, paths.openclawHome]) mkdirSync(made, { recursive: true });
  writeFileSync(paths.openclawConfig, JSON.stringify({ port }));
  writeFileSync(join(folder, 'openclaw.mjs'), gateway);
  const options = {
    nodeBin: process.execPath,
    packageDir: folder,
    compileCache: join(folder, 'cache'),
    port,
    token: 'the-gateway-token',
    paths,
    path: '/usr/bin:/bin',
    heapMb: 512,
    log: (line: string) => lines.push(line),
  };
  const pids = () =>
    existsSync(join(paths.openclawState, 'pids'))
      ? readFileSync(join(paths.openclawState, 'pids'), 'utf8').trim().split(/\s+/).map(Number)
      : [];
  return { options, pids, paths };
}
const gone = (pids: number[]) =>
  vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 15_000 });

test('starts OpenClaw with a bare environment and the token off the command line, and stops it whole', async () => {
  const { options, pids, paths } = build();
  supervisor = createSupervisor(options);
  supervisor.start();
  expect(supervisor.state()).toBe('starting');
  await supervisor.whenReady(15_000);
  expect(supervisor.state()).toBe('ready');
  const { env, argv } = JSON.parse(readFileSync(join(paths.openclawState, 'env'), 'utf8')) as {
    env: Record<string, string>;
    argv: string[];
  };
  expect(env['OPENCLAW_GATEWAY_TOKEN']).toBe('the-gateway-token');
  expect(argv.join(' ')).not.toContain('the-gateway-token');
  expect(env['HOME']).toBe(paths.openclawHome);
  expect(Object.keys(env).filter((name) => /^(CLAW|VITEST|npm_)/.test(name))).toEqual([]);
  const running = pids();
  expect(running).toHaveLength(2);
  await supervisor.stop();
  await gone(running);
  expect(supervisor.state()).toBe('down');
});

test('starts it again after it ended, and takes what it left behind with it', async () => {
  const { options, pids } = build();
  supervisor = createSupervisor(options);
  supervisor.start();
  await supervisor.whenReady(15_000);
  const [first, helper] = pids();
  await fetch(`http://127.0.0.1:${port}/crash`).catch(() => undefined);
  await vi.waitFor(() => expect(supervisor?.state()).not.toBe('ready'), { timeout: 15_000 });
  await vi.waitFor(() => expect(pids()).toHaveLength(4), { timeout: 15_000 });
  await supervisor.whenReady(15_000);
  await gone([first ?? 0, helper ?? 0]);
  expect(lines.join()).toContain("OpenClaw's gateway ended (code 7)");
});

test('says what OpenClaw printed where it does not start', async () => {
  const { options } = build();
  writeFileSync(join(root, 'openclaw.mjs'), "console.error('gateway: Unrecognized key'); process.exit(78);");
  supervisor = createSupervisor(options);
  supervisor.start();
  await expect(supervisor.whenReady(15_000)).rejects.toThrow('OpenClaw ended while it started (code 78)');
  await vi.waitFor(() => expect(supervisor?.startLog()).toContain('Unrecognized key'), { timeout: 15_000 });
  // A configuration that is refused stays refused: no crash loop.
  expect(lines.join()).toContain('starting it again in 60 s');
});

test('kills a gateway that does not end when told', async () => {
  const folder = join(root, 'deaf');
  mkdirSync(folder);
  const { options, pids } = build(folder);
  supervisor = createSupervisor(options);
  supervisor.start();
  await supervisor.whenReady(15_000);
  const running = pids();
  await supervisor.stop(300);
  await gone(running);
});

test('a gateway never outlives a killed agent', async () => {
  const { options, pids } = build();
  const { log: _log, ...plain } = options;
  const agent = spawn(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { createSupervisor } from ${JSON.stringify(join(import.meta.dirname, 'supervisor.ts'))};
       const supervisor = createSupervisor({ ...${JSON.stringify(plain)}, log: () => {} });
       supervisor.start();
       await supervisor.whenReady(15000);
       console.log('ready');`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(agent.stdout, 'data');
  const running = pids();
  expect(running.filter(isRunning)).toHaveLength(2);
  const ended = once(agent, 'exit');
  agent.kill('SIGKILL');
  await ended;
  await gone(running);
});
