import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium } from './support/chromium.ts';
import { artefactDir } from './support/platform.ts';
import { note } from './support/pretended/commands.ts';
import {
  account,
  archive,
  type PretendedPlatform,
  startPretendedPlatform,
} from './support/pretended/platform.ts';

let platform: PretendedPlatform;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const shots = artefactDir('settings');
const broken: string[] = [];
const shot = (name: string, of = page) =>
  of.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled' });
const at = (id: string, of = page) => of.getByTestId(id);
const sshKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8yZ0m1n2o3p4q5r6s7t8u9v0w1x2y3z4A5B6C7D8E9 grace@laptop';

/** As long as the page itself is waited for. */
const slowly = { timeout: 20_000 };

/** A page whose faults are noted, whatever it does. */
async function newPage(of: BrowserContext): Promise<Page> {
  const made = await of.newPage();
  made.setDefaultTimeout(20_000);
  made.on('pageerror', (error) => broken.push(`page error: ${error.message}`));
  made.on('console', (message) => {
    if (message.type() === 'error' && /content security policy|refused to/i.test(message.text()))
      broken.push(message.text());
  });
  return made;
}

const open = async (area: string) => {
  await at(`area-${area}`).click();
  await page.waitForURL(`**/settings/${area}`);
};
const asked = (name: string) => platform.agent.lastAsked(name);
const toastWith = (text: string | RegExp, of = page) =>
  at('toast', of).filter({ hasText: text }).first().waitFor();

let failed = false;
beforeEach(({ onTestFailed }) => {
  // Each step goes on where the one before it ended.
  if (failed) throw new Error('An earlier step failed.');
  onTestFailed(async () => {
    failed = true;
    await shot('failed');
  });
});

beforeAll(async () => {
  [platform, browser] = await Promise.all([startPretendedPlatform(), launchChromium()]);
  context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  // Where a browser can write to a file itself it asks its person where, in a window no test can press.
  await context.addInitScript('delete window.showSaveFilePicker');
  page = await newPage(context);
  await page.goto(await platform.signInLink());
});

afterAll(async () => {
  await browser?.close();
  await platform?.stop();
});

test('who asks for the settings while the chat looks for the last conversation gets the settings', async () => {
  const answerSessions = platform.agent.hold('sessions.list');
  const { promise: served, resolve: serve } = Promise.withResolvers<void>();
  const settingsScript = /\/assets\/layout-.*\.js$/;
  await page.route(settingsScript, async (route) => {
    await served;
    await route.continue();
  });
  await at('server-row').first().click();
  await at('conversation-new').waitFor();
  const asksForScript = page.waitForRequest(settingsScript);
  await at('tab-settings').click();
  await asksForScript;
  answerSessions();
  await at('conversations-none').or(at('splash')).first().waitFor();
  serve();
  await page.waitForURL('**/settings/overview');
});

test('the overview says how the server is, asked of the server itself', async () => {
  await at('health-word').filter({ hasText: 'Running well' }).waitFor();
  await at('health-seen').filter({ hasText: 'encrypted connection' }).waitFor();
  expect(await at('health-uptime').textContent()).toBe('41 days');
  expect(await at('health-memory').textContent()).toContain('2.1 GB');
  expect(await at('health-restarts').textContent()).toContain('grown too large');
  await shot('01-overview');
});

test('the assistant is restarted after a question, and says so on every page', async () => {
  await at('restart-open').click();
  await at('restart').waitFor();
  await shot('02-restart');
  platform.agent.failOnce(
    'gateway.restart',
    new ProductError('gateway_unavailable', 'The assistant could not be stopped.', 'Try again in a minute.'),
  );
  await at('restart-confirm').click();
  await at('restart').getByRole('alert').filter({ hasText: 'could not be stopped' }).waitFor();
  await at('restart-confirm').click();
  await toastWith('you asked for it');
});

test('a notice is counted until its page is looked at', async () => {
  platform.agent.notice({ kind: 'update_offered', version: '2026.9.6' });
  await at('news-updates').waitFor();
  await at('settings-news').waitFor();
  await shot('03-notice');
  await open('updates');
  await at('news-updates').waitFor({ state: 'detached' });
  await at('settings-news').waitFor({ state: 'detached' });
});

test('an update is read about, put off, confirmed and followed', async () => {
  await at('changelog').getByText('long').waitFor();
  // What a changelog holds is text, whatever it looks like.
  expect(await page.title()).not.toContain('owned');
  expect(await at('changelog').locator('img').count()).toBe(0);
  await shot('04-updates');
  await at('update-later').click();
  await at('snooze-7').click();
  await at('update-situation').filter({ hasText: 'reminded' }).waitFor();
  expect(asked('updates.snooze')).toEqual({ days: 7 });

  await at('update-open').click();
  await at('update').waitFor();
  await shot('05-update-question');
  const release = platform.agent.hold('updates.apply');
  await at('update-confirm').click();
  await at('update-progress').waitFor();
  release();
  await at('update-last').filter({ hasText: '2026.9.5 became 2026.9.6' }).waitFor();
  expect(await at('update-current').textContent()).toBe('2026.9.6');
  expect(asked('updates.apply')).toEqual({ version: '2026.9.6' });
});

test('going back says what it means', async () => {
  await at('rollback-open').click();
  await at('rollback').filter({ hasText: 'set aside on your server' }).waitFor();
  await at('rollback-confirm').click();
  await at('update-last').filter({ hasText: 'You went back from 2026.9.6 to 2026.9.5' }).waitFor();
});

test('an update that fails says why, and that the old version is back', async () => {
  const { updates } = platform.agent.state;
  const reason = 'It did not answer its health check within 60 s.';
  updates.latest = { ...(updates.latest ?? latest()), version: '2026.9.7' };
  updates.snoozedUntil = null;
  updates.last = {
    at: new Date().toISOString(),
    from: '2026.9.5',
    to: '2026.9.7',
    outcome: 'failed',
    reason,
    downSeconds: 31,
  };
  platform.agent.failOnce(
    'updates.apply',
    new ProductError(
      'update_failed',
      `The update to OpenClaw 2026.9.7 failed: ${reason}`,
      'Stay with 2026.9.5.',
    ),
  );
  platform.agent.notice({ kind: 'update_offered', version: '2026.9.7' });
  await at('update-open').filter({ hasText: '2026.9.7' }).click();
  await at('update-confirm').click();
  await at('update-last').filter({ hasText: 'your old version 2026.9.5 is back' }).waitFor();
  await at('update-last').filter({ hasText: reason }).waitFor();
  await shot('06-update-failed');
});

test('a version is stayed at only if it is one', async () => {
  await at('pin-open').click();
  await at('pin-version').fill('latest');
  await at('pin').getByRole('alert').waitFor();
  expect(await at('pin-confirm').isDisabled()).toBe(true);
  await at('pin-version').fill('2026.9.5');
  await at('pin-confirm').click();
  await at('update-situation').filter({ hasText: 'You stay at 2026.9.5' }).waitFor();
  await at('unpin').click();
  await at('update-situation').filter({ hasText: '2026.9.7 is available' }).waitFor();
});

test('the agent is updated by its digest', async () => {
  await at('agent-update-open').click();
  await at('agent-update')
    .filter({ hasText: 'b'.repeat(64) })
    .waitFor();
  await at('agent-update-confirm').click();
  await toastWith('The agent is being updated');
  expect(asked('agent.update')).toEqual({ sha256: 'b'.repeat(64), version: '0.5.0' });
});

test('models: a key is tested, refused, removed and set', async () => {
  await open('model');
  const row = (provider: string) => page.locator(`[data-testid="provider"][data-provider="${provider}"]`);
  await row('anthropic').getByTestId('provider-test').click();
  await row('anthropic').locator('[data-testid="provider-check"][data-status="ok"]').waitFor();
  await row('openai').getByTestId('provider-test').click();
  await row('openai').locator('[data-testid="provider-check"][data-status="failed"]').waitFor();
  await shot('07-models');
  await row('openai').getByTestId('provider-remove').click();
  await at('provider-remove-dialog-confirm').click();
  await row('openai').waitFor({ state: 'detached' });

  await at('model-submit').click();
  await page.getByRole('alert').filter({ hasText: 'Paste the key' }).waitFor();
  await at('model-key').fill('sk-test-key');
  await at('model-submit').click();
  await toastWith('Your server now answers with');
  expect(asked('model.set')).toMatchObject({ provider: 'openai', apiKey: 'sk-test-key' });
  expect(await at('model-key').inputValue()).toBe('');
});

test('logs are shown by their source', async () => {
  await open('logs');
  await at('logs-text').filter({ hasText: 'gateway listening' }).waitFor();
  await at('logs-source').selectOption('bootstrap');
  await at('logs-text').filter({ hasText: 'hardening' }).waitFor();
  await at('logs-source').selectOption('security');
  await at('logs-empty').waitFor();
  platform.agent.state.logs.security = ['refused: <script>alert(1)</script>'];
  await at('logs-refresh').click();
  await at('logs-text').filter({ hasText: '<script>alert(1)</script>' }).waitFor();
  await at('logs-lines').selectOption('1000');
  await expect.poll(() => asked('logs.tail'), slowly).toEqual({ source: 'security', lines: 1000 });
  await shot('08-logs');
});

test('configuration: only what changed is sent, and what is wrong is said', async () => {
  await open('configuration');
  await at('config-text').filter({ hasText: '[redacted]' }).waitFor();
  await at('config-edit').click();
  const text = await at('config-draft').inputValue();
  await at('config-draft').fill(text.replace('{', '{,'));
  await page.getByRole('alert').filter({ hasText: 'This is not JSON' }).waitFor();
  expect(await at('config-review').isDisabled()).toBe(true);
  await shot('09-configuration-bad');

  await at('config-draft').fill(text.replace('"ask"', '"yolo"'));
  await at('config-review').click();
  await at('config-save').filter({ hasText: 'yolo' }).waitFor();
  await at('config-save-confirm').click();
  await page.getByRole('alert').filter({ hasText: 'tools.exec.mode' }).waitFor();
  await at('config-reset').click();
  expect(await at('config-draft').inputValue()).toBe(text);

  await at('config-draft').fill(text.replace('"ask"', '"deny"'));
  await at('config-review').click();
  await at('config-save-confirm').click();
  await at('config-text').filter({ hasText: 'deny' }).waitFor();
  expect(asked('config.set')).toEqual({ baseHash: 'hash-1', patch: { tools: { exec: { mode: 'deny' } } } });
});

test('a process of the sandbox says calmly what it can’t do', async () => {
  const fix = 'Deploy to a cloud, or to the sandbox’s booted machines.';
  platform.agent.failOnce(
    'backup.list',
    new ProductError('machine_needed', 'This server is a process of the sandbox.', fix),
  );
  await open('backups');
  await at('machine-needed').filter({ hasText: fix }).waitFor();
  expect(await at('backup-create').count()).toBe(0);
  await open('logs');
});

test('backups: made for the owner’s keys, opened in this browser, put back after a second yes', async () => {
  await open('backups');
  await at('backup-create').click();
  await at('backup').waitFor();
  const { recipients } = asked('backup.create') as { recipients: string[] };
  expect(recipients).toHaveLength(3);
  await shot('10-backups');
  const [download] = await Promise.all([page.waitForEvent('download'), at('backup-download').click()]);
  expect(download.suggestedFilename()).toMatch(/^openclaw-my-claw-\d{4}-\d\d-\d\d\.tar\.gz$/);
  const saved = await download.path();
  expect(Buffer.compare(await readFile(saved), archive)).toBe(0);

  await at('restore-file').setInputFiles({
    name: 'empty.tar.gz',
    mimeType: 'application/gzip',
    buffer: Buffer.alloc(0),
  });
  await page.getByRole('alert').filter({ hasText: 'It is empty' }).waitFor();
  await at('restore-file').setInputFiles(saved);
  await at('restore').waitFor();
  expect(await at('restore-confirm').isDisabled()).toBe(true);
  await shot('11-restore');
  expect(platform.agent.state.restored).toBeNull();
  await at('restore-understood').check();
  await at('restore-confirm').click();
  await toastWith('put back');
  expect(platform.agent.state.restored).toMatchObject({ bytes: archive.length, received: archive.length });
  expect(platform.agent.state.restoredText).toBe(archive.toString('latin1'));

  await at('backup-delete').click();
  await at('backup-delete-dialog-confirm').click();
  await at('backup').waitFor({ state: 'detached' });
});

test('a backup that was altered is refused', async () => {
  await at('backup-create').click();
  await at('backup').waitFor();
  const { files, state } = platform.agent;
  const file = files.get(state.backups[0]?.id ?? '');
  if (!file) throw new Error('no file');
  file[file.length - 100] = (file[file.length - 100] ?? 0) ^ 1;
  await at('backup-download').click();
  await page.getByRole('alert').filter({ hasText: 'altered' }).waitFor();
});

test('devices are named and revoked, with what that means', async () => {
  await open('devices');
  const phone = at('device').filter({ hasText: 'iPhone' });
  await phone.getByTestId('device-rename').click();
  await at('rename-name').fill('  ');
  expect(await at('rename-confirm').isDisabled()).toBe(true);
  await at('rename-name').fill('Ada’s iPhone');
  await at('rename-confirm').click();
  await at('device-name').filter({ hasText: 'Ada’s iPhone' }).waitFor();
  await shot('12-devices');
  await phone.getByTestId('device-revoke').click();
  await at('revoke').filter({ hasText: 'What it has read stays read' }).waitFor();
  await at('revoke-confirm').click();
  await phone.waitFor({ state: 'detached' });
  // Nobody shuts themselves out by accident.
  expect(await at('device').filter({ hasText: 'this browser' }).getByTestId('device-revoke').count()).toBe(0);
});

test('a second browser is linked by a code shown in the first', { timeout: 90_000 }, async () => {
  await at('invite-open').click();
  await at('invite-code').waitFor();
  await at('invite-left')
    .filter({ hasText: /Good for \d+:\d\d/ })
    .waitFor();
  await shot('13-invite');
  const code = (await at('invite-code').textContent()) ?? '';

  const second = await strangeBrowser();
  await at('link-submit', second).click();
  await second.getByRole('alert').filter({ hasText: 'Enter the code' }).waitFor();
  await at('link-code', second).fill(`${code.slice(0, -1)}${code.endsWith('0') ? '1' : '0'}`);
  await at('link-submit', second).click();
  await second.getByRole('alert').filter({ hasText: 'group by group' }).waitFor();
  await shot('14-link', second);
  await at('link-code', second).fill(code.toLowerCase());
  await at('link-submit', second).click();
  await at('link-done', second).waitFor();
  await at('invite-added').waitFor();
  await at('invite-close').click();
  await expect.poll(() => at('device').count(), slowly).toBe(3);
  await at('link-back', second).click();
  await at('chat-input', second).waitFor();
  await second.context().close();
});

test('a browser without keys can still ask for a restart, through the control plane', async () => {
  const strange = await strangeBrowser();
  await strange.goto(`${platform.url}/servers/${platform.instanceId}/settings/overview`);
  platform.agent.report({ kind: 'heartbeat', health: platform.agent.state.health });
  await at('restart-open', strange).click();
  await at('restart', strange).filter({ hasText: 'control plane asks' }).waitFor();
  await at('restart-confirm', strange).click();
  await toastWith('is being restarted', strange);
  expect(platform.agent.restarts()).toBe(1);
  await strange.context().close();
});

test('a browser that has nothing gets in with the recovery code', { timeout: 90_000 }, async () => {
  const third = await strangeBrowser();
  await at('recover-code', third).fill('ABCD-EFGH');
  await at('recover-submit', third).click();
  await third.getByRole('alert').filter({ hasText: 'not a recovery code' }).waitFor();
  await at('recover-code', third).fill(platform.recoveryCode);
  await at('recover-submit', third).click();
  await at('link-done', third).waitFor();
  await shot('14-recovered', third);
  expect(asked('devices.enrol')).toMatchObject({ revokeOthers: false });
  await at('link-back', third).click();
  await at('chat-input', third).waitFor();
  await third.context().close();
});

test('support access: nothing is granted by mistake', async () => {
  await open('support');
  await at('grant-submit').click();
  await at('grant-form').getByRole('alert').filter({ hasText: 'who it is for' }).waitFor();
  await at('grant-name').fill('Grace');
  await at('grant-key').fill('-----BEGIN OPENSSH PRIVATE KEY-----');
  await at('grant-form').getByRole('alert').filter({ hasText: 'private key' }).waitFor();
  await shot('15-grant-bad');
  expect(asked('support.grant')).toBeUndefined();

  await at('grant-key').fill(sshKey);
  await at('grant-minutes').selectOption({ label: '8 hours' });
  await at('grant-root').check();
  await at('grant-submit').click();
  await at('grant-long').waitFor();
  expect(await at('grant-long-confirm').isDisabled()).toBe(true);
  expect(asked('support.grant')).toBeUndefined();
  await page.keyboard.press('Escape');
  await at('grant-long').waitFor({ state: 'detached' });
});

test('a grant is given, counted down and ended', async () => {
  await at('grant-submit').click();
  await at('grant-long-understood').check();
  await at('grant-long-confirm').click();
  await at('handover').filter({ hasText: 'support-ssh.mjs' }).waitFor();
  // What is shown once must not be somewhere above what one looks at.
  await expect.poll(() => inSight(at('handover')), slowly).toBe(true);
  expect(asked('support.grant')).toMatchObject({
    name: 'Grace',
    minutes: 480,
    root: true,
    confirmLong: true,
  });
  const left = at('grant-left').locator('[aria-hidden]');
  const first = await left.textContent();
  expect(first).toMatch(/^(7:59|8:00):\d\d$/);
  await expect.poll(() => left.textContent(), slowly).not.toBe(first);
  await shot('16-grant');
  await at('handover-done').click();
  await at('grant-revoke').click();
  await at('grant-revoke-dialog-confirm').click();
  await at('grant-active').waitFor({ state: 'detached' });
  await at('grant-past').filter({ hasText: 'you ended it' }).waitFor();
  await toastWith('Grace’s access was ended');
});

test('a visit is watched again, as text', async () => {
  await at('recording-open').first().click();
  await at('recording-screen').filter({ hasText: 'exit' }).waitFor();
  const screen = (await at('recording-screen').textContent()) ?? '';
  expect(screen).toContain('out of memory <b>not html</b>');
  expect(screen).not.toContain('\u001b');
  await shot('17-recording');
  await page.keyboard.press('Escape');
});

test('the server’s own record is checked, and a change in it is found', async () => {
  await at('audit-own').getByText('unbroken').waitFor();
  await at('audit-own-entry').filter({ hasText: 'Let somebody in' }).first().waitFor();
  const { audit } = platform.agent.state;
  const entry = audit[0];
  if (!entry) throw new Error('no entry');
  const { detail } = entry;
  entry.detail = { ...detail, name: 'Mallory' };
  await at('audit-check').click();
  await at('audit-broken').waitFor();
  await shot('18-record-altered');
  entry.detail = detail;
  note(platform.agent.state, 'support.revoke');
  await at('audit-check').click();
  await at('audit-broken').waitFor({ state: 'detached' });
});

test('what runs on the server is asked, checked and compared', async () => {
  await open('attest');
  await at('attest-ask').click();
  await at('statement').filter({ hasText: 'All is as it should be' }).waitFor();
  expect(await page.locator('[data-testid="finding"][data-well="true"]').count()).toBe(8);
  await shot('19-attest');
});

test('keys are renewed, and ejecting asks for the name and a key', async () => {
  await open('security');
  await at('rotate-open').click();
  await at('rotate-confirm').click();
  await toastWith('new keys');
  await at('eject-open').click();
  await at('eject').waitFor();
  await at('eject-name').fill('My claw');
  expect(await at('eject-confirm').isDisabled()).toBe(true);
  await at('eject-key').fill('not a key');
  await at('eject').getByRole('alert').waitFor();
  await at('eject-key').fill(sshKey);
  await shot('20-eject');
  expect(platform.agent.state.ejected).toBe(false);
  await at('eject').getByText('What stops').waitFor();
  await page.keyboard.press('Escape');
});

test('what the server reports of its life is told in its timeline', async () => {
  const { agent } = platform;
  agent.report({ kind: 'gateway_restarted', reason: 'unhealthy', missesInARow: 3 });
  agent.report({
    kind: 'openclaw_update',
    from: '2026.9.5',
    to: '2026.9.7',
    outcome: 'failed',
    failedStep: 'health',
    downSeconds: 31,
  });
  agent.report({ kind: 'support_attempt', grantId: null, outcome: 'denied', reason: 'there is no grant' });
  await at('tab-timeline').click();
  await at('life-note').filter({ hasText: 'did not answer its health check (3 times in a row)' }).waitFor();
  await at('life-note').filter({ hasText: '2026.9.7 did not work; 2026.9.5 is back' }).waitFor();
  await shot('21-timeline');
  await at('tab-settings').click();
  await open('support');
  await at('audit-their-entry').filter({ hasText: 'tried to enter' }).waitFor();
});

test('every area reads well on a phone, in the dark', { timeout: 180_000 }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  const areas = [
    'overview',
    'model',
    'updates',
    'logs',
    'configuration',
    'backups',
    'devices',
    'support',
    'attest',
    'security',
  ];
  for (const area of areas) {
    await open(area);
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    // Nothing stands out at the side: what is wide scrolls by itself.
    const wide = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(wide, area).toBe(0);
    await shot(`30-phone-${area}`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
});

test('a server that is away says so, and still can be asked to restart and be destroyed', async () => {
  platform.hangUp();
  await page.reload();
  await at('area-overview').click();
  await at('health-word').filter({ hasText: 'Not connected' }).waitFor();
  await at('connection-banner').waitFor();
  await shot('21-away');
  expect(await at('destroy-open').isEnabled()).toBe(true);
  await at('area-devices').click();
  await at('unasked').waitFor();
  await platform.dial();
  await at('device').first().waitFor({ timeout: 40_000 });
});

test('an ejected server is its owner’s alone, and can be destroyed', async () => {
  await at('area-security').click();
  await at('eject-open').click();
  await at('eject-name').fill('My claw');
  await at('eject-key').fill(sshKey);
  await at('eject-confirm').click();
  await at('ejected').waitFor();
  expect(platform.agent.state.ejected).toBe(true);
  // As a machine does that says goodbye.
  platform.agent.report({ kind: 'goodbye' });
  await expect
    .poll(async () => (await platform.client.getInstance(platform.instanceId)).ejectedAt, slowly)
    .not.toBeNull();
  await page.reload();
  await at('ejected').waitFor();
  expect(await at('tab-chat').count()).toBe(0);
  expect(await at('destroy-open').isEnabled()).toBe(true);
  await shot('22-ejected');
  await page.goto(`${platform.url}/`);
  await at('server-row').filter({ hasText: 'Ejected' }).waitFor();
});

test('nothing was refused by the content security policy, and no script failed', () => {
  expect(broken).toEqual([]);
});

/** Whether the top of something stands in the window. */
async function inSight(of: Locator): Promise<boolean> {
  const box = await of.boundingBox();
  const height = page.viewportSize()?.height ?? 0;
  return box !== null && box.y >= 0 && box.y < height;
}

/** A browser that is signed in and has no key, at the page where it can get one. */
async function strangeBrowser(): Promise<Page> {
  const other = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  const strange = await newPage(other);
  await strange.goto(`${platform.url}/sign-in`);
  await at('sign-in-email', strange).fill(account.email);
  await at('sign-in-password', strange).fill(account.password);
  await at('sign-in-submit', strange).click();
  await at('server-row', strange).first().click();
  await at('link-this-browser', strange).click();
  return strange;
}

function latest() {
  return {
    version: '',
    integrity: `sha512-${'A'.repeat(86)}==`,
    releasedAt: new Date().toISOString(),
    changelog: 'Fixes.',
  };
}
