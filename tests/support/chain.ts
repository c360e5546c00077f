import { join } from 'node:path';
import { sandboxToken } from '@claw-cloud/local';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { artefactDir, startTestPlatform, type TestPlatform } from './platform.ts';
import { cloudServers } from './sandbox.ts';

export interface ChainOptions {
  /** Names the folder of the screenshots. */
  name: string;
  servers: 'processes' | 'machines';
  /** How long a deploy may take until the chat is there. */
  deployLimitMs: number;
}

/** A person's whole way, from signing up to the receipt of a destroyed server, as tests in Chromium. */
export function chainTests({ name, servers, deployLimitMs }: ChainOptions): void {
  let platform: TestPlatform;
  let browser: Browser;
  let page: Page;
  const shots = artefactDir(name);
  const broken: string[] = [];
  const shot = (view: string) => page.screenshot({ path: join(shots, `${view}.png`) });
  const at = (id: string) => page.getByTestId(id);

  beforeAll(async () => {
    [platform, browser] = await Promise.all([startTestPlatform({ servers }), launchChromium()]);
    page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => broken.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && /content security policy|refused to/i.test(message.text()))
        broken.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });

  test('a person signs up', async () => {
    await page.goto(platform.url);
    await shot('01-welcome');
    if (!(await at('sign-up-email').isVisible())) await at('to-sign-up').click();
    await at('sign-up-email').fill('ada@example.org');
    await at('sign-up-password').fill('correct horse battery staple');
    await at('sign-up-submit').click();
    await at('add-credential').first().waitFor();
    await shot('02-empty');
  });

  test('adds a credential, which is sealed and checked', async () => {
    await at('add-credential').first().click();
    await at('credential-provider').first().waitFor();
    await at('credential-name').fill('Sandbox');
    await at('credential-token').fill(await sandboxToken(platform));
    await shot('03-credential');
    await at('credential-submit').click();
    await page
      .locator('[data-testid="credential-state"][data-state="ready"]')
      .first()
      .waitFor({ timeout: 90_000 });
    await shot('04-credential-ready');
  });

  test('deploys, and watches the phases until the server is ready', {
    timeout: deployLimitMs + 60_000,
  }, async () => {
    await at('deploy-new').first().click();
    await at('deploy-name').fill('Ada’s assistant');
    await shot('05-deploy-form');
    await at('deploy-submit').click();
    await at('recovery-code').waitFor();
    await shot('06-recovery-code');
    await at('recovery-ack').click();
    await at('recovery-continue').click();
    await at('phase-creating').waitFor();
    await shot('07-phases');
    await at('chat-input').waitFor({ timeout: deployLimitMs });
  });

  test('chats, with the answer streamed', { timeout: 90_000 }, async () => {
    await at('chat-input').fill('Remember the word heliotrope.');
    await at('chat-send').click();
    await at('message-user').filter({ hasText: 'heliotrope' }).waitFor();
    await at('message-assistant').filter({ hasText: 'sandbox' }).first().waitFor({ timeout: 60_000 });
    await shot('08-chat');
  });

  test('sees a tool used, after allowing it', { timeout: 90_000 }, async () => {
    await at('chat-input').fill('[tool:exec {"command":"echo hi-from-tool"}]');
    await at('chat-send').click();
    await at('approval-allow').first().waitFor({ timeout: 60_000 });
    await shot('09-approval');
    await at('approval-allow').first().click();
    await at('tool-call').first().waitFor();
    await at('message-assistant').filter({ hasText: 'hi-from-tool' }).first().waitFor({ timeout: 60_000 });
    await at('chat-stop').waitFor({ state: 'hidden' });
    await shot('10-tool');
  });

  test('starts a second conversation', { timeout: 90_000 }, async () => {
    await at('conversation-new').click();
    await at('chat-input').fill('A second subject: tulips.');
    await at('chat-send').click();
    await at('message-assistant').filter({ hasText: 'tulips' }).first().waitFor({ timeout: 60_000 });
    await expect.poll(() => at('conversation-item').count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  });

  test('reloads, and the history comes from the server', { timeout: 90_000 }, async () => {
    await page.reload();
    await at('message-assistant').filter({ hasText: 'tulips' }).first().waitFor({ timeout: 60_000 });
    await shot('11-reloaded');
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    // Without motion, or the picture shows colours on their way.
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await expect.poll(background, { timeout: 20_000 }).not.toBe(light);
    await shot('12-dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('sees in the settings how the server is, and who may open it', { timeout: 120_000 }, async () => {
    const open = async (area: string) => {
      await at(`area-${area}`).click();
      await page.waitForURL(`**/settings/${area}`);
    };
    await at('tab-settings').click();
    await at('health-word').filter({ hasText: 'Running well' }).waitFor({ timeout: 60_000 });
    await shot('13-overview');
    await open('updates');
    await expect
      .poll(() => at('update-current').textContent(), { timeout: 20_000 })
      .toMatch(/^\d{4}\.\d+\.\d+$/);
    await open('logs');
    await at('logs-text').waitFor();
    await open('configuration');
    await at('config-text').filter({ hasText: 'gateway' }).waitFor();
    await open('devices');
    await at('device').filter({ hasText: 'this browser' }).waitFor();
    await at('device').filter({ hasText: 'Recovery code' }).waitFor();
    if (servers === 'processes') {
      await open('support');
      await at('machine-needed').waitFor();
    } else {
      await open('attest');
      await at('attest-ask').click();
      await at('statement').waitFor({ timeout: 60_000 });
      await shot('14-attest');
    }
    await open('overview');
  });

  test('destroys the server and sees the receipt', { timeout: 120_000 }, async () => {
    if (!(await at('destroy-open').isVisible())) await at('tab-settings').click();
    await at('destroy-open').click();
    await at('destroy-confirm-name').fill('Ada’s assistant');
    await at('destroy-submit').click();
    await at('receipt').waitFor({ timeout: 90_000 });
    await expect.poll(() => at('receipt-left-count').textContent(), { timeout: 20_000 }).toBe('0');
    await shot('15-receipt');
    expect((await cloudServers(platform)).alive).toBe(0);
  });

  test('nothing was refused by the content security policy, and no script failed', () => {
    expect(broken).toEqual([]);
  });
}
