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
} from '@claw-cloud/owner-client';
import { type LocalConfig, readLocalConfig } from './env.ts';
import { cheapestOffer, credentialChecked, destroyed, followDeploy, receiptLines } from './owner-life.ts';
import { type Platform, startPlatform } from './platform.ts';
import { createReport, type Report, seconds } from './report.ts';
import { sandboxToken } from './sandbox-token.ts';

export interface DemoOptions {
  once: boolean;
  json: boolean;
  /** The server is a really booted Debian instead of a process of this computer. */
  machine: boolean;
}

const demoEmail = 'you@demo.claw.local';
const question = 'Hello! Who am I talking to?';

/** Reads the demo's arguments; an unknown one raises an error that lists the known. */
export function parseDemoArguments(argv: readonly string[]): DemoOptions {
  const known = new Set(['--once', '--json', '--machine']);
  const unknown = argv.find((argument) => !known.has(argument));
  if (unknown)
    throw new Error(`'${unknown}' is not an option of the demo. It knows ${[...known].join(', ')}.`);
  return {
    once: argv.includes('--once'),
    json: argv.includes('--json'),
    machine: argv.includes('--machine'),
  };
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
  const platform = await startPlatform({
    config,
    fresh: true,
    servers: options.machine ? 'machines' : 'processes',
    log: (line) => report.note(line),
    signal,
  });
  try {
    const cloud = options.machine ? 'sandbox cloud of booted Debian machines' : 'sandbox cloud';
    report.step('platform', `${platform.url} (Postgres, queue, api, provisioner, ${cloud})`);
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
  const credential = await credentialChecked(api, added.id, { limitMs: 30_000, signal });
  report.step(
    'credential',
    `sealed here, opened by the provisioner, re-encrypted (${credential.account?.label ?? 'sandbox'})`,
  );

  const catalogue = await api.getCatalogue(credential.id, signal);
  const choice = cheapestOffer(catalogue, { architecture: process.arch === 'arm64' ? 'arm' : 'x86' });
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

async function destroyAndShow({ api, instanceId }: Job, report: Report, signal: AbortSignal): Promise<void> {
  await destroyed(api, instanceId, signal);
  const receipt = await api.getReceipt(instanceId, signal);
  report.step(
    'destroy',
    receipt.left.length === 0 ? 'the account is clean' : `${receipt.left.length} things are left`,
  );
  report.say('receipt', receipt, receiptLines(receipt));
  if (receipt.left.length > 0) throw new Error('The destroy left something behind.');
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
