import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEmbedded } from '@claw-cloud/db/embedded';
import { createLocalSession } from '@claw-cloud/owner-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from './support/chromium.ts';
import { artefactDir } from './support/platform.ts';
import { processesOf, startProgram, step } from './support/program.ts';

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

/** Starts a program of the launcher in the test's own home folder. */
function start(program: 'demo' | 'dev', argv: string[]) {
  const started = startProgram(program, argv, { CLAW_HOME: home });
  running = started.child;
  return started;
}
const startDemo = (argv: string[]) => start('demo', [...argv, '--json']);

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
  timeout: 900_000,
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

test('its sign-in link opens the chat with the demo’s own server, once', { timeout: 480_000 }, async () => {
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
  demo.interrupt();
  await demo.ended;
  expect(await listening(String(ready.dashboard))).toBe(false);
  expectNothingLeft();
});

test('npm run dev keeps its state: an account of the first run signs in to the second', {
  timeout: 240_000,
}, async () => {
  const email = 'ada@example.org';
  const password = 'correct horse battery staple';
  for (const round of ['first', 'second']) {
    const dev = start('dev', []);
    const { text } = await dev.line((line) => String(line.text).includes('is running at'));
    const url = /http:\/\/[\d.]+:\d+/.exec(String(text))?.[0] ?? '';
    const session = createLocalSession({ baseUrl: url, cookies: 'jar' });
    await (round === 'first' ? session.signUp({ email, password }) : session.signIn({ email, password }));
    dev.interrupt();
    await dev.ended;
    expect(await listening(url)).toBe(false);
    expectNothingLeft();
  }
});

describe('Ctrl-C', () => {
  test.each(['platform', 'sign in', 'credential', 'preflight', 'Pulumi up', 'boot', 'first reply'])(
    'after "%s" leaves no process, no port, no lock',
    { timeout: 480_000 },
    async (name) => {
      const demo = startDemo(['--once']);
      const platform = await demo.line(step('platform'));
      const url = /http:\/\/\S+/.exec(String(platform.detail))?.[0] ?? '';
      await demo.line(step(name));
      demo.interrupt();
      await demo.ended;
      expect(await listening(url)).toBe(false);
      expectNothingLeft();
    },
  );
});
