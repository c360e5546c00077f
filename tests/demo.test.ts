import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { removeEmbedded } from '@claw-cloud/db/embedded';
import { createLocalSession } from '@claw-cloud/owner-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from './support/chromium.ts';
import { artefactDir } from './support/platform.ts';

type Line = { type: string; name?: string; ms?: number } & Record<string, unknown>;

let home: string;
let running: ChildProcess | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'claw-demo-'));
});
afterEach(async () => {
  if (running && running.exitCode === null && running.signalCode === null) {
    running.kill('SIGINT');
    await once(running, 'exit');
  }
  await removeEmbedded(join(home, 'control-plane', 'data'));
  rmSync(home, { recursive: true, force: true });
});

const startDemo = (argv: string[]) => startProgram('demo', [...argv, '--json']);

/** Starts a program of the launcher as its own session leader, as a terminal does. */
function startProgram(program: 'demo' | 'dev', argv: string[]) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '..', 'scripts', `${program}.mjs`), ...argv],
    {
      detached: true,
      env: { ...process.env, CLAW_HOME: home, CLAW_PORT: '0', OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running = child;
  const lines: Line[] = [];
  const errors: string[] = [];
  let wake: () => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(text.startsWith('{') ? JSON.parse(text) : { type: 'text', text });
    wake();
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    child,
    lines,
    errors,
    ended,
    /** Resolves with the first line that fits; raises when the demo ends before. */
    async line(fits: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const found = lines.find(fits);
        if (found) return found;
        const end = await Promise.race([
          new Promise<'line'>((resolve) => {
            wake = () => resolve('line');
          }),
          ended.then(() => 'ended' as const),
        ]);
        if (end === 'ended' && !lines.some(fits))
          throw new Error(`The demo ended first.\n${JSON.stringify(lines.slice(-5))}\n${errors.join('\n')}`);
      }
    },
  };
}

const step = (name: string) => (line: Line) => line.type === 'step' && line.name === name;

/** Every living process that has the home folder in its command line or environment (Linux). */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const text = `${readFileSync(`/proc/${pid}/cmdline`, 'utf8')} ${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
        return text.includes(folder) ? [`${pid} ${text.slice(0, 120).replaceAll('\0', ' ')}`] : [];
      } catch {
        return [];
      }
    });
}

function listening(url: string): Promise<boolean> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ port: Number(port), host: hostname });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function expectNothingLeft() {
  expect(processesOf(home)).toEqual([]);
  expect(existsSync(join(home, 'launcher.lock'))).toBe(false);
}

test('twice in a row: deploys, chats, destroys, shows the receipt, leaves nothing', {
  timeout: 600_000,
}, async () => {
  for (const round of ['first', 'second']) {
    const demo = startDemo(['--once']);
    const code = await demo.ended;
    expect({ round, code, errors: demo.errors }).toEqual({ round, code: 0, errors: [] });
    const names = demo.lines.filter(({ type }) => type === 'step').map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'platform',
        'sign in',
        'credential',
        'preflight',
        'Pulumi up',
        'boot',
        'install',
        'register',
        'first reply',
        'destroy',
      ]),
    );
    const receipt = demo.lines.find(({ type }) => type === 'receipt');
    expect(receipt).toMatchObject({ left: [] });
    expect(receipt?.made).not.toEqual([]);
    const chat = demo.lines.find(({ type }) => type === 'chat');
    expect(String(chat?.answer)).toContain('sandbox');
    expectNothingLeft();
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      join(artefactDir('demo'), `${round}.jsonl`),
      demo.lines.map((line) => JSON.stringify(line)).join('\n'),
    );
  }
});

test('its sign-in link opens the chat with the demo’s own server, once', { timeout: 240_000 }, async () => {
  const demo = startDemo([]);
  const ready = await demo.line(({ type }) => type === 'ready');
  expect(ready.dashboard).toMatch(/^http:/);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(String(ready.signInLink));
    await page.getByText('Demo assistant').first().click();
    await page.getByTestId('chat-input').waitFor();
    // The conversation the demo had in the terminal, from the server.
    await page.getByText('Hello! Who am I talking to?').first().click();
    await page.getByTestId('message-assistant').filter({ hasText: 'sandbox' }).first().waitFor();
    await page.getByTestId('chat-input').fill('And from the browser?');
    await page.getByTestId('chat-send').click();
    await page.getByTestId('message-assistant').filter({ hasText: 'from the browser' }).first().waitFor();
    expect(page.url()).not.toContain('keys=');

    const second = await (await browser.newContext()).newPage();
    await second.goto(String(ready.signInLink));
    await second.getByTestId('sign-in-email').waitFor();
  } finally {
    await browser.close();
  }
  process.kill(-(demo.child.pid ?? 0), 'SIGINT');
  await demo.ended;
  expect(await listening(String(ready.dashboard))).toBe(false);
  expectNothingLeft();
});

test('npm run dev keeps its state: an account of the first run signs in to the second', {
  timeout: 120_000,
}, async () => {
  const email = 'ada@example.org';
  const password = 'correct horse battery staple';
  for (const round of ['first', 'second']) {
    const dev = startProgram('dev', []);
    const { text } = await dev.line((line) => String(line.text).includes('is running at'));
    const url = /http:\/\/[\d.]+:\d+/.exec(String(text))?.[0] ?? '';
    const session = createLocalSession({ baseUrl: url, cookies: 'jar' });
    await (round === 'first' ? session.signUp({ email, password }) : session.signIn({ email, password }));
    process.kill(-(dev.child.pid ?? 0), 'SIGINT');
    await dev.ended;
    expect(await listening(url)).toBe(false);
    expectNothingLeft();
  }
});

describe('Ctrl-C', () => {
  test.each(['platform', 'sign in', 'credential', 'preflight', 'Pulumi up', 'boot', 'first reply'])(
    'after "%s" leaves no process, no port, no lock',
    { timeout: 240_000 },
    async (name) => {
      const demo = startDemo(['--once']);
      const platform = await demo.line(step('platform'));
      const url = /http:\/\/\S+/.exec(String(platform.detail))?.[0] ?? '';
      await demo.line(step(name));
      // As a terminal does: the signal goes to the whole foreground group.
      process.kill(-(demo.child.pid ?? 0), 'SIGINT');
      await demo.ended;
      expect(await listening(url)).toBe(false);
      expectNothingLeft();
    },
  );
});
