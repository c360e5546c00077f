import type { Cloud, CredentialSecret } from '@claw-cloud/contracts';
import { cloudTag } from '@claw-cloud/contracts';
import {
  addCredential,
  createApiClient,
  createKeyring,
  createLocalSession,
  createMemoryStorage,
  prepareDeploy,
} from '@claw-cloud/owner-client';
import { knownClouds } from '@claw-cloud/providers/clouds';
import { readSmokeConfig, type SmokeConfig } from '../env.ts';
import { cheapestOffer, credentialChecked, followDeploy, receiptLines } from '../owner-life.ts';
import { type Platform, startPlatform } from '../platform.ts';
import { createReport, type Report } from '../report.ts';
import { sandboxToken } from '../sandbox-token.ts';
import { type Account, openAccount } from './account.ts';
import type { SmokeOptions } from './arguments.ts';
import { chatOnce } from './chat.ts';
import { cleanUp } from './clean-up.ts';
import { agreed, offerLines } from './consent.ts';
import { credentialFrom } from './credential.ts';
import { requireReachable } from './reachable.ts';
import { smokeRecord } from './record.ts';

interface Plan {
  readonly config: SmokeConfig;
  readonly cloud: Cloud;
  /** Null for the sandbox, which has a token for everybody. */
  readonly secret: CredentialSecret | null;
  /** Where the server calls home; null where the cloud's servers are on this computer. */
  readonly machineUrl: string | null;
}

/** What can be known before anything is started. Raises an error that says what to set. */
function planOf(options: SmokeOptions, env?: NodeJS.ProcessEnv): Plan {
  const config = readSmokeConfig(env);
  const cloud = knownClouds().find(({ id }) => id === options.cloud);
  if (!cloud) {
    const known = knownClouds().map(({ id }) => id);
    throw new Error(`'${options.cloud}' is no cloud that Claw Cloud knows. It knows ${known.join(', ')}.`);
  }
  const secret = cloud.sandbox ? null : credentialFrom(cloud, config.variables);
  return { config, cloud, secret, machineUrl: machineUrlOf(options, config, cloud) };
}

/** Null when the smoke test can begin; else raises what is missing, before minutes are spent on getting ready. */
export function checkSmoke(options: SmokeOptions, env?: NodeJS.ProcessEnv): null {
  planOf(options, env);
  return null;
}

/**
 * One life of the smallest recommended server in a real account: deploy, chat once, destroy, receipt. Whatever happens
 * on the way, an abort of the signal included, what was made is deleted before it returns; raises an error with
 * `leftover` where that could not be done, which names the tag to look for.
 */
export async function runSmoke(
  options: SmokeOptions,
  signal: AbortSignal,
  startedAt?: number,
): Promise<void> {
  const { config, cloud, secret, machineUrl } = planOf(options);
  const report = createReport({
    json: options.json,
    write: (line) => process.stdout.write(`${line}\n`),
    ...(startedAt === undefined ? {} : { startedAt }),
  });
  const platform = await startPlatform({
    config,
    fresh: true,
    log: (line) => report.note(line),
    signal,
    extraEnv: {
      api: machineUrl === null ? {} : { MACHINE_URL: machineUrl },
      provisioner: {
        ...(machineUrl === null ? {} : { MACHINE_URL: machineUrl }),
        ...(config.cloudApiUrls === undefined ? {} : { CLOUD_API_URLS: config.cloudApiUrls }),
      },
    },
  });
  try {
    report.step('platform', `${platform.url} (Postgres, queue, api, provisioner)`);
    if (machineUrl !== null) {
      await requireReachable(machineUrl, platform, config, signal);
      report.step('reachable', `${machineUrl} leads to this computer`);
    }
    await life({ platform, config, cloud, options, report, signal }, secret);
  } finally {
    report.note('Stopping every process that was started.');
    await platform.stop();
  }
}

function machineUrlOf(options: SmokeOptions, config: SmokeConfig, cloud: Cloud): string | null {
  const given = options.machineUrl ?? config.machineUrl?.replace(/\/+$/, '');
  if (given !== undefined) return given;
  if (cloud.sandbox || endpointOf(config, cloud.id) !== undefined) return null;
  throw new Error(
    `A server at ${cloud.name} must reach this computer to fetch its agent and to report. Forward an https address of yours to http://127.0.0.1:${config.preferredPort} (a reverse proxy or a tunnel of your choice, WebSockets included) and name it: --machine-url https://…`,
  );
}

const endpointOf = (config: SmokeConfig, cloud: string): string | undefined =>
  config.cloudApiUrls
    ?.split(/\s+/)
    .find((entry) => entry.startsWith(`${cloud}=`))
    ?.slice(cloud.length + 1);

interface Parts {
  readonly platform: Platform;
  readonly config: SmokeConfig;
  readonly cloud: Cloud;
  readonly options: SmokeOptions;
  readonly report: Report;
  readonly signal: AbortSignal;
}

async function life(parts: Parts, given: CredentialSecret | null): Promise<void> {
  const { platform, config, cloud, options, report, signal } = parts;
  const secret = given ?? { provider: cloud.id, token: await sandboxToken(platform, { signal }) };
  const endpoint = cloud.sandbox ? platform.sandbox.apiUrl : endpointOf(config, cloud.id);
  const account = await openAccount(cloud, secret, endpoint);
  const record = smokeRecord(config.home);
  await clearEarlier(parts, account, record);

  const session = createLocalSession({ baseUrl: platform.url });
  await session.signUp({ email: 'smoke@claw.local', password: globalThis.crypto.randomUUID() });
  const api = createApiClient({ baseUrl: platform.url, getToken: session.getToken });
  const { ownerId } = await api.me(signal);
  const keyring = createKeyring(createMemoryStorage(), { ownerId, deviceName: 'Smoke test' });
  const added = await addCredential(api, ownerId, { name: cloud.name, secret });
  const credential = await credentialChecked(api, added.id, { limitMs: 120_000, signal });
  report.step('credential', `${credential.account?.label ?? cloud.name}, with all it needs`);

  const catalogue = await api.getCatalogue(credential.id, signal);
  const isHere = cloud.sandbox || endpoint !== undefined;
  const offer = cheapestOffer(catalogue, {
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.size === undefined ? {} : { size: options.size }),
    // Servers of a stand-in are processes of this computer.
    ...(options.size === undefined
      ? { architecture: isHere && process.arch === 'arm64' ? 'arm' : 'x86' }
      : {}),
  });
  const prepared = await prepareDeploy(api, keyring, {
    credentialId: credential.id,
    name: 'Smoke test',
    region: offer.region,
    size: offer.size.id,
    expectedMonthlyPrice: offer.monthly,
  });
  const tag = cloudTag(prepared.instanceId);
  report.say(
    'offer',
    { region: offer.region, size: offer.size.id, monthly: offer.monthly, hourly: offer.hourly, tag },
    offerLines(cloud, catalogue.currency, offer, tag),
  );
  if (!(await agreed({ yes: options.yes, costs: !cloud.sandbox, signal }))) {
    report.say('declined', {}, ['  Nothing was made.']);
    return;
  }

  record.write({ cloud: cloud.id, account: await account.name(), tag, at: new Date().toISOString() });
  const cleaning = { api, account, cloud, instanceId: prepared.instanceId, tag, report };
  let ended = false;
  try {
    await prepared.acknowledge();
    await prepared.submit();
    await followDeploy(api, prepared.instanceId, report, signal);
    await chatOnce({
      platform,
      config,
      cloud,
      api,
      keyring,
      instanceId: prepared.instanceId,
      report,
      signal,
    });
    ended = true;
  } catch (error) {
    // Before the clean-up, whose own trouble would hide it.
    if (!signal.aborted) report.note(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    if (!ended) report.note('It did not get to its end; what was made is deleted now.');
    const receipt = await cleanUp(cleaning);
    record.clear();
    report.step('destroy', `nothing with the tag ${tag} is left in the account, by its own listing`);
    if (receipt) report.say('receipt', receipt, receiptLines(receipt));
  }
  report.say('totals', { totalMs: report.totalMs(), steps: [...report.steps()] }, [
    `  ${cloud.name}: deployed, ${config.modelKey || cloud.sandbox ? 'answered' : 'paired'}, destroyed in ${Math.round(report.totalMs() / 1000)} s.`,
    '',
  ]);
}

/** What an earlier smoke test could not delete goes first. */
async function clearEarlier(
  { cloud, report }: Parts,
  account: Account,
  record: ReturnType<typeof smokeRecord>,
): Promise<void> {
  const earlier = record.read();
  if (!earlier) return;
  // The sandbox's servers went with the sandbox.
  const gone = knownClouds().find(({ id }) => id === earlier.cloud)?.sandbox ?? false;
  if (!gone) {
    const name = await account.name();
    if (earlier.cloud !== cloud.id || earlier.account !== name)
      throw new Error(
        `A smoke test of ${earlier.at} did not end in order: look for the tag ${earlier.tag} in ${earlier.account} (${earlier.cloud}). Run it once more there and it deletes that first; or delete it by hand, and then ${record.file}.`,
      );
    report.note(`A smoke test of ${earlier.at} did not end in order; looking for its tag ${earlier.tag}.`);
    const left = await account.clear(earlier.tag, (line) => report.note(line));
    if (left.length > 0)
      throw new Error(
        `Something with the tag ${earlier.tag} could not be deleted. Delete it in the console.`,
      );
    report.step('earlier test', `nothing of ${earlier.tag} is left`);
  }
  record.clear();
}
