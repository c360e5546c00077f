import { join } from 'node:path';
import type { Catalogue } from '@claw-cloud/contracts';
import { sandboxToken } from '@claw-cloud/local';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium } from './support/chromium.ts';
import { artefactDir, startTestPlatform, type TestPlatform } from './support/platform.ts';
import { cloudServers } from './support/sandbox.ts';

let platform: TestPlatform;
let browser: Browser;
let page: Page;
let token = '';
const shots = artefactDir('clouds');
const broken: string[] = [];
const shot = (name: string) => page.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled' });
const at = (id: string) => page.getByTestId(id);
const says = (id: string, text: string | RegExp, timeout = 60_000) =>
  at(id).filter({ hasText: text }).first().waitFor({ timeout });
/** As long as the page itself is waited for. */
const slowly = { timeout: 20_000 };
/** What the page holds of a text: written in it, or typed into one of its fields. */
const holds = (text: string) =>
  page.evaluate(
    (secret) =>
      document.documentElement.outerHTML.includes(secret) ||
      [...document.querySelectorAll('input, textarea')].some((field) =>
        (field as HTMLInputElement).value.includes(secret),
      ),
    text,
  );

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
  [platform, browser] = await Promise.all([
    // Accounts are looked through every six hours otherwise.
    startTestPlatform({ extraEnv: { provisioner: { STRAYS_SWEEP_MS: '15000' } } }),
    launchChromium(),
  ]);
  page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => broken.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && /content security policy|refused to/i.test(message.text()))
      broken.push(message.text());
  });
  await page.goto(platform.url);
  if (!(await at('sign-up-email').isVisible())) await at('to-sign-up').click();
  await at('sign-up-email').fill('grace@example.org');
  await at('sign-up-password').fill('correct horse battery staple');
  await at('sign-up-submit').click();
  await at('add-credential').first().click();
});

afterAll(async () => {
  await browser?.close();
  await platform?.stop();
});

test('every cloud’s form comes of what the cloud says of itself, and is chosen by the keyboard', async () => {
  const { providers } = (await (await fetch(`${platform.url}/v1/config`)).json()) as {
    providers: { id: string; name: string; sandbox: boolean }[];
  };
  await at('credential-provider').waitFor();
  const radios = at('credential-provider').getByRole('radio');
  expect(await radios.count()).toBe(providers.length);
  // Where there is a sandbox, it is the place to begin.
  const sandbox = providers.findIndex((provider) => provider.sandbox);
  expect(await radios.nth(sandbox).isChecked()).toBe(true);
  await radios.nth(sandbox).focus();
  for (let count = 1; count < providers.length; count += 1) {
    await page.keyboard.press('ArrowRight');
    const chosen = at('credential-provider').locator('input:checked');
    const id = (await chosen.getAttribute('value')) ?? '';
    expect(id).toBe(providers[(sandbox + count) % providers.length]?.id);
    // A guide, at least one field with a name for screen readers, and no placeholder that nobody filled in.
    await page.getByRole('region', { name: 'How to make it' }).getByRole('listitem').first().waitFor();
    const fields = page.locator('form input[class*="font-mono"]');
    for (const field of await fields.all())
      expect(await field.evaluate((input) => (input as HTMLInputElement).labels?.length)).toBe(1);
    expect(await fields.count()).toBeGreaterThan(0);
    expect(await page.locator('main').textContent()).not.toMatch(/\{(externalId|egressAddresses)\}/);
    await shot(`01-${id}`);
  }
  await at(`credential-provider-${providers[sandbox]?.id}`).click();
});

test('what is wrong is said before anything is sealed; what was typed is gone afterwards', async () => {
  token = await sandboxToken(platform);
  await at('credential-token').fill('two words');
  const sent: string[] = [];
  page.on('request', (request) => {
    sent.push(`${request.method()} ${new URL(request.url()).pathname} ${request.postData() ?? ''}`);
  });
  await at('credential-submit').click();
  await page.getByRole('alert').filter({ hasText: 'without spaces' }).waitFor();
  expect(await at('credential-token').evaluate((field) => field === document.activeElement)).toBe(true);
  expect(await at('credential-token').getAttribute('aria-invalid')).toBe('true');
  expect(sent.filter((line) => line.startsWith('POST'))).toEqual([]);

  await at('credential-token').fill(` ${token}\n`);
  await at('credential-name').fill('Sandbox');
  expect(await holds(token)).toBe(true);
  await page.keyboard.press('Enter');
  await page.locator('[data-testid="credential-state"][data-state="ready"]').waitFor({ timeout: 90_000 });
  await shot('02-credential');
  expect(await holds(token)).toBe(false);
  expect(sent.some((line) => line.startsWith('POST /v1/credentials'))).toBe(true);
  expect(sent.filter((line) => line.includes(token))).toEqual([]);
});

test('a cloud with many regions and sizes is searched by typing', async () => {
  const isCatalogue = /\/v1\/credentials\/[^/]+\/catalogue$/;
  await page.route(isCatalogue, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: many((await response.json()) as Catalogue) });
  });
  await at('deploy-new').click();
  await at('deploy-region').click();
  const options = page.getByRole('listbox', { name: 'Region' }).getByRole('option');
  await expect.poll(() => options.count(), slowly).toBe(40);
  await page.keyboard.type('town 33');
  await expect.poll(() => options.count(), slowly).toBe(1);
  await page.keyboard.press('Enter');
  expect(await at('deploy-region').inputValue()).toMatch(/^Town 33, /);
  await at('deploy-region').press('ArrowDown');
  await page.keyboard.press('Escape');
  expect(await options.count()).toBe(0);
  expect(await at('deploy-region').inputValue()).toMatch(/^Town 33, /);

  const rows = page.locator('[data-testid^="deploy-size-"][data-available]');
  await at('deploy-size-search').fill('64 gb arm');
  await expect.poll(() => rows.count(), slowly).toBe(10);
  for (const row of await rows.all()) expect(await row.textContent()).toMatch(/Arm.*64 GB/);
  await rows.first().click();
  await shot('03-many');
  await at('deploy-size-search').fill('no such size');
  await page.getByText('No size matches').waitFor();
  await page.unroute(isCatalogue);
});

test('the deploy’s form says how old its prices are, and asks again', { timeout: 420_000 }, async () => {
  await page.reload();
  await says('catalogue-age', 'told by your cloud');
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/catalogue'),
  );
  await at('catalogue-refresh').click();
  // Prices of less than a minute are not asked for again.
  expect((await answered).status()).toBe(200);
  await shot('03-deploy');
  await at('deploy-name').fill('Grace’s assistant');
  await at('deploy-submit').click();
  await at('recovery-ack').click();
  await at('recovery-continue').click();
  await at('chat-input').waitFor({ timeout: 300_000 });
});

test('the machine is stopped after a question that says what it costs, and started', async () => {
  await at('tab-settings').click();
  await at('area-machine').click();
  await says('power-word', 'Running');
  await at('power-stop').click();
  await says('power-stop-dialog', 'Nothing in the sandbox costs anything');
  await shot('04-stop');
  // Escape is a no, and gives the focus back to where it was.
  await page.keyboard.press('Escape');
  await at('power-stop-dialog').waitFor({ state: 'detached' });
  expect(await at('power-stop').evaluate((button) => button === document.activeElement)).toBe(true);
  await page.keyboard.press('Enter');
  await at('power-stop-dialog-confirm').click();
  await says('power-word', 'Stopped', 90_000);
  expect((await cloudServers(platform)).servers.map(({ status }) => status)).toEqual(['off']);
  // Nothing can be asked of what is off; what the cloud knows of it can.
  expect(await at('tab-chat').count()).toBe(0);
  expect(await at('area-model').count()).toBe(0);
  await shot('05-stopped');

  await at('power-start').click();
  await says('power-word', 'Running', 90_000);
  expect((await cloudServers(platform)).servers.map(({ status }) => status)).toEqual(['running']);
});

test('another size is shown with its price and the difference, and taken', async () => {
  const before = (await at('size-now').textContent()) ?? '';
  await at('resize-open').click();
  await at('resize').getByText('Its size now').waitFor();
  const another = at('resize')
    .locator('label[data-available="true"]')
    .filter({ hasText: '+' })
    .filter({ hasNotText: 'Smaller disk' })
    .first();
  await another.click();
  await says('resize-summary', '+');
  const name = (await at('resize-summary').locator('strong').textContent()) ?? '';
  await shot('06-resize');
  await at('resize-confirm').click();
  await at('resize').waitFor({ state: 'detached' });
  await says('size-now', name, 120_000);
  await says('power-word', 'Running', 90_000);
  expect(name).not.toBe(before);
});

test('what somebody changed at the cloud is shown, and brought back on request', async () => {
  await at('drift-check').click();
  await says('drift-word', 'Everything is as it was made', 90_000);
  await openFirewall();
  await at('drift-check').click();
  await at('drift-item').first().waitFor({ timeout: 90_000 });
  await says('drift-item', '22');
  await shot('07-drift');
  await at('repair-open').click();
  await says('repair', 'undone');
  await shot('08-repair');
  await at('repair-confirm').click();
  await says('drift-word', 'Everything is as it was made', 120_000);
  expect(await inboundRules()).toBe(0);
});

test('the timeline tells what was done', async () => {
  await at('tab-timeline').click();
  for (const what of ['Stopped', 'Started', 'Resized', 'Repaired']) await says('changes', what);
  expect(await at('changes').locator('[data-state="failed"]').count()).toBe(0);
  await shot('09-timeline');
});

test('a destroyed server leaves nothing but a receipt that says what it has cost', async () => {
  await at('tab-settings').click();
  await at('destroy-open').click();
  await at('destroy-confirm-name').fill('Grace’s assistant');
  await at('destroy-submit').click();
  await at('receipt').waitFor({ timeout: 90_000 });
  await expect.poll(() => at('receipt-left-count').textContent(), slowly).toBe('0');
  await says('receipt-cost', 'It has cost about');
  await shot('10-receipt');
  expect((await cloudServers(platform)).alive).toBe(0);
});

test('what bears our tag and is no server’s is found, and deleted only where a record binds it', async () => {
  const instanceId = /ins_\w+/.exec(page.url())?.[0];
  const tagged = (name: string, tag: string) =>
    atCloud('/firewalls', { name, labels: { 'claw-cloud': tag } });
  await tagged('left-behind', `claw-${instanceId}`);
  await tagged('somebody-elses', `claw-ins_${'0'.repeat(24)}`);
  await page.getByRole('link', { name: 'Servers', exact: true }).click();
  await expect
    .poll(
      async () => {
        const told = page.waitForResponse(/\/v1\/strays$/);
        await page.reload();
        return ((await (await told).json()) as { items: unknown[] }).items.length;
      },
      { timeout: 90_000, interval: 2_000 },
    )
    .toBe(2);
  await at('strays-notice').getByRole('link').click();
  const unknown = at('stray').filter({ hasText: 'somebody-elses' });
  await unknown.getByText('No record of ours').waitFor();
  expect(await unknown.getByTestId('stray-delete-open').count()).toBe(0);
  const known = at('stray').filter({ hasText: 'left-behind' });
  await known.getByText('Grace').waitFor();
  await shot('11-found');
  await known.getByTestId('stray-delete-open').click();
  await at('stray-delete-confirm').click();
  await known.waitFor({ state: 'detached', timeout: 90_000 });
  const { firewalls } = (await atCloud('/firewalls')) as { firewalls: { name: string }[] };
  expect(firewalls.map(({ name }) => name)).toEqual(['somebody-elses']);
});

test('a credential has a page that says whose it is and how it is ended', async () => {
  await page.getByRole('link', { name: 'Credentials', exact: true }).click();
  await at('credential-row').first().click();
  await says('credential-account', /\S/);
  await shot('12-credential');
  await at('credential-remove-open').click();
  await at('credential-remove-confirm').click();
  await at('add-credential').waitFor();
});

test('nothing was refused by the content security policy, and no script failed', () => {
  expect(broken).toEqual([]);
});

/** The catalogue of a cloud with 40 regions and 120 sizes, all of them in the last towns too. */
function many(catalogue: Catalogue): Catalogue {
  const [first] = catalogue.sizes;
  const [offer] = first?.offers ?? [];
  if (!first || !offer) throw new Error('nothing is offered');
  const regions = Array.from({ length: 40 }, (_, index) => ({
    id: `eu-town-${index}`,
    name: `Europe (Town ${index})`,
    country: 'DE',
    city: `Town ${index}`,
  }));
  const sizes = Array.from({ length: 120 }, (_, index) => ({
    ...first,
    id: `x${index}.large`,
    name: `x${index}.large`,
    memoryMb: 2048 * 2 ** (index % 6),
    architecture: index % 4 === 1 ? ('arm' as const) : ('x86' as const),
    offers: regions.map(({ id }) => ({ ...offer, region: id, monthly: 4 + index })),
  }));
  return { ...catalogue, regions, sizes };
}

interface Firewall {
  id: number;
  rules: { direction: string }[];
}

async function atCloud(path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${platform.sandbox.apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function firewall(): Promise<Firewall> {
  const { firewalls } = (await atCloud('/firewalls')) as { firewalls: Firewall[] };
  const [one] = firewalls;
  if (!one) throw new Error('there is no firewall');
  return one;
}
const inboundRules = async () =>
  (await firewall()).rules.filter(({ direction }) => direction === 'in').length;

/** Somebody opens the firewall in the cloud's console. */
async function openFirewall(): Promise<void> {
  const { id, rules } = await firewall();
  const ssh = { direction: 'in', protocol: 'tcp', port: '22', source_ips: ['0.0.0.0/0'] };
  await atCloud(`/firewalls/${id}/actions/set_rules`, { rules: [...rules, ssh] });
}
