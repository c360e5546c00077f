import type { InstanceEvent, Receipt, Size } from '@claw-cloud/contracts';
import {
  addCredential,
  conversationKey,
  createApiClient,
  createGateway,
  createKeyring,
  createLocalSession,
  createMemoryStorage,
  deploy,
  openConversation,
  openOwnerChannel,
  signInLink,
  textOf,
  watchEvents,
} from '@claw-cloud/owner-client';
import { type LocalConfig, readLocalConfig } from './env.ts';
import { type Platform, startPlatform } from './platform.ts';
import { createReport, type Report, seconds } from './report.ts';
import { sandboxToken } from './sandbox-token.ts';

export interface DemoOptions {
  once: boolean;
  json: boolean;
}

const demoEmail = 'you@demo.claw.local';
const question = 'Hello! Who am I talking to?';

/** Reads the demo's arguments; an unknown one raises an error that lists the known. */
export function parseDemoArguments(argv: readonly string[]): DemoOptions {
  const known = new Set(['--once', '--json']);
  const unknown = argv.find((argument) => !known.has(argument));
  if (unknown)
    throw new Error(`'${unknown}' is not an option of the demo. It knows ${[...known].join(' and ')}.`);
  return { once: argv.includes('--once'), json: argv.includes('--json') };
}

/**
 * The main job, before a person's eyes: starts the platform on this computer, deploys an instance into the sandbox
 * cloud and chats with it. With `once` it then destroys the instance and shows the receipt.
 * Ends by an abort of the signal at any point, leaving no process behind.
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal, startedAt?: number): Promise<void> {
  const config = readLocalConfig('demo');
  const report = createReport({
    json: options.json,
    write: (line) => process.stdout.write(`${line}\n`),
    ...(startedAt === undefined ? {} : { startedAt }),
  });
  const platform = await startPlatform({ config, fresh: true, log: (line) => report.note(line), signal });
  try {
    report.step('platform', `${platform.url} (Postgres, queue, api, provisioner, sandbox cloud)`);
    const job = await mainJob(platform, config, report, signal);
    try {
      if (options.once) await destroyAndShow(job, report, signal);
      showTotals(report);
      if (!options.once) {
        await showWayIn(platform, job, report);
        await aborted(signal);
      }
    } finally {
      job.close();
    }
  } finally {
    report.note('Stopping every process that was started.');
    await platform.stop();
  }
}

interface Job {
  instanceId: string;
  api: ReturnType<typeof createApiClient>;
  keyring: ReturnType<typeof createKeyring>;
  close(): void;
}

async function mainJob(
  platform: Platform,
  config: LocalConfig,
  report: Report,
  signal: AbortSignal,
): Promise<Job> {
  const session = createLocalSession({ baseUrl: platform.url });
  // Nobody types this password: a person comes in by the sign-in link.
  await session.signUp({ email: demoEmail, password: globalThis.crypto.randomUUID() });
  const api = createApiClient({ baseUrl: platform.url, getToken: session.getToken });
  const { ownerId } = await api.me(signal);
  const keyring = createKeyring(createMemoryStorage(), { ownerId, deviceName: 'Demo on this computer' });
  report.step('sign in', `as ${demoEmail}, a local account`);

  const token = await sandboxToken(platform, { signal });
  const added = await addCredential(api, ownerId, {
    name: 'Sandbox cloud',
    secret: { provider: 'sandbox', token },
  });
  const credential = await credentialChecked(api, added.id, signal);
  report.step(
    'credential',
    `sealed here, opened by the provisioner, re-encrypted (${credential.account?.label ?? 'sandbox'})`,
  );

  const catalogue = await api.getCatalogue(credential.id, signal);
  const choice = cheapestRecommended(catalogue.sizes);
  const { instance } = await deploy(api, keyring, {
    credentialId: credential.id,
    name: 'Demo assistant',
    region: choice.region,
    size: choice.size.id,
    expectedMonthlyPrice: choice.monthly,
  });
  await followDeploy(api, instance.id, report, signal);

  const channel = openOwnerChannel({ baseUrl: platform.url, instanceId: instance.id, api, keyring });
  await channel.whenOpen({ timeoutMs: 30_000 });
  report.step('paired', 'the server proved its key; both sides pinned, end to end encrypted');
  if (config.modelKey) {
    await channel.command('model.set', config.modelKey, { timeoutMs: 60_000 });
    report.step(
      'model key',
      `${config.modelKey.provider}, sent through the encrypted channel to the server alone`,
    );
  }
  const gateway = createGateway(channel);
  await gateway.whenConnected({ timeoutMs: 60_000 });
  const conversation = openConversation(gateway, conversationKey('demo'));
  const answer = await conversation.reply(conversation.send(question), { timeoutMs: 120_000 });
  conversation.close();
  report.step(
    'first reply',
    config.modelKey ? `by ${config.modelKey.provider}` : "by the sandbox's own small model",
  );
  report.say('chat', { question, answer: textOf(answer) }, [
    '',
    `    you        ${question}`,
    `    assistant  ${textOf(answer)}`,
    '',
  ]);
  return { instanceId: instance.id, api, keyring, close: () => channel.close() };
}

async function credentialChecked(api: Job['api'], credentialId: string, signal: AbortSignal) {
  for (let waited = 0; waited < 30_000; waited += 100) {
    const credential = await api.getCredential(credentialId, signal);
    if (credential.state === 'ready') return credential;
    if (credential.state === 'rejected')
      throw new Error(
        `The cloud refused the credential: ${credential.failure?.message ?? 'no reason given'}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The credential was not checked within 30 s. See the provisioner’s log.');
}

function cheapestRecommended(sizes: readonly Size[]): { size: Size; region: string; monthly: number } {
  const architecture = process.arch === 'arm64' ? 'arm' : 'x86';
  const offers = sizes
    .filter((size) => !size.small && size.architecture === architecture)
    .flatMap((size) =>
      size.offers
        .filter((offer) => offer.available)
        .map(({ region, monthly }) => ({ size, region, monthly })),
    )
    .sort((a, b) => a.monthly - b.monthly);
  const [first] = offers;
  if (!first) throw new Error('The sandbox cloud offers no size that fits.');
  return first;
}

const stepOfState: Record<string, string> = {
  queued: 'queued',
  preflight: 'preflight',
  creating: 'Pulumi up',
  booting: 'boot',
  registering: 'register',
};

/** What the machine reports while its state is `installing`. */
const stepOfMachinePhase: Record<string, string> = {
  installing: 'install',
  starting: 'OpenClaw start',
  warming: 'warm-up',
};

/** Shows each phase of the deploy as it ends; raises the failure's own words when it fails. */
async function followDeploy(
  api: Job['api'],
  instanceId: string,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  let current = 'queued';
  let detail: string | undefined;
  for await (const event of watchEvents(api, instanceId, { signal })) {
    if (event.kind === 'progress' || event.kind === 'resource') {
      const line = describe(event);
      if (line !== detail) report.note(line);
      detail = line;
      const done = event.data.step === 'finished' ? stepOfMachinePhase[String(event.data.phase)] : undefined;
      if (done) report.step(done, line);
    }
    if (event.kind === 'failure') throw new Error(`${event.data.message} ${event.data.fix}`);
    if (event.kind !== 'state') continue;
    const next = String(event.data.state);
    if (next === current) continue;
    const step = stepOfState[current];
    if (step) report.step(step, detail);
    detail = undefined;
    current = next;
    if (next === 'ready') return;
  }
  throw new Error('The deploy was interrupted.');
}

function describe({ kind, data }: InstanceEvent): string {
  const words =
    kind === 'resource' ? [data.op, data.kind, data.name, data.status] : [data.message ?? data.step];
  return words.filter((word) => typeof word === 'string' && word !== '').join(' ');
}

async function destroyAndShow({ api, instanceId }: Job, report: Report, signal: AbortSignal): Promise<void> {
  const { id } = await api.destroyInstance(instanceId);
  for (;;) {
    signal.throwIfAborted();
    const operation = await api.getOperation(id, signal);
    if (operation.state === 'failed')
      throw new Error(`${operation.failure?.message} ${operation.failure?.fix}`);
    if (operation.state === 'succeeded') break;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  const receipt = await api.getReceipt(instanceId, signal);
  report.step(
    'destroy',
    receipt.left.length === 0 ? 'the account is clean' : `${receipt.left.length} things are left`,
  );
  report.say('receipt', receipt, receiptLines(receipt));
  if (receipt.left.length > 0) throw new Error('The destroy left something behind.');
}

function receiptLines(receipt: Receipt): string[] {
  const rows = (entries: Receipt['made']) =>
    entries.length === 0
      ? ['      nothing']
      : entries.map(({ kind, id, name }) => `      ${kind.padEnd(12)} ${id.padEnd(12)} ${name}`);
  return [
    '',
    '  Receipt',
    '    made',
    ...rows(receipt.made),
    '    deleted',
    ...rows(receipt.deleted),
    '    left',
    ...rows(receipt.left),
    '',
  ];
}

function showTotals(report: Report): void {
  const steps = report.steps();
  const reply = steps.findIndex((step) => step.name === 'first reply');
  const toReply = steps.slice(0, reply + 1).reduce((sum, step) => sum + step.ms, 0);
  const totalMs = report.totalMs();
  report.say('totals', { toFirstReplyMs: toReply, totalMs, steps: [...steps] }, [
    `  From the start of the platform to the first reply: ${seconds(toReply)}. From the command until now: ${seconds(totalMs)}.`,
  ]);
}

async function showWayIn(platform: Platform, { keyring }: Job, report: Report): Promise<void> {
  const response = await fetch(`${platform.url}/v1/local/sign-in-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ email: demoEmail }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`No sign-in link could be made (${response.status}).`);
  const { token } = (await response.json()) as { token: string };
  const link = await signInLink(platform.url, token, await keyring.export());
  const cloudToken = await sandboxToken(platform);
  report.say('ready', { dashboard: platform.url, signInLink: link, sandboxToken: cloudToken }, [
    '',
    `  Dashboard     ${platform.url}`,
    '  Sign-in link  (once, within 10 minutes; it carries this demo’s device key, so it is for your eyes only)',
    `  ${link}`,
    '  A token of the sandbox cloud, to add a credential by hand:',
    `  ${cloudToken}`,
    '',
    '  Running. Press Ctrl-C to stop every process it started.',
  ]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
