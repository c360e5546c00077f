import { setTimeout as delay } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { PricingClient } from '@aws-sdk/client-pricing';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';
import type { OpenCredential, ProviderOptions } from '../provider.ts';
import { type Keys, secretOf } from './secret.ts';
import { createSessions, type Session } from './session.ts';

/** Where is asked what is the same in every region. */
export const homeRegion = 'us-east-1';

const tries = 4;
const connectionTimeoutMs = 5_000;
/** The SDK asks for the credential anew after this long: a session may have been renewed. */
const keptMs = 60_000;

export interface AwsClient {
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly externalId: string | undefined;
  readonly sessionName: string;
  /** Keys to sign with: the owner's own, or those of a session of the owner's role with 15 minutes left at least. */
  session(credential: OpenCredential): Promise<Session>;
  ec2(credential: OpenCredential, region: string): EC2Client;
  sts(credential: OpenCredential): STSClient;
  pricing(credential: OpenCredential): PricingClient;
  quotas(credential: OpenCredential, region: string): ServiceQuotasClient;
  /** Asks STS as the platform itself. */
  platformSts(): STSClient;
  readonly hasPlatform: boolean;
}

/**
 * AWS's SDK, one client per service, region and credential. It signs, pages and tries again: up to four times, with
 * growing pauses, what AWS calls throttled or passing. All that is ever sent may be sent twice: nothing is made here.
 */
export function createClient(options: ProviderOptions): AwsClient {
  const now = options.now ?? (() => new Date());
  const sleep =
    options.sleep ??
    ((ms: number) => delay(ms, undefined, options.signal === undefined ? {} : { signal: options.signal }));
  const shared = {
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    maxAttempts: tries,
    retryMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    customUserAgent: 'claw-cloud',
    requestHandler: {
      requestTimeout: options.timeoutMs ?? 15_000,
      throwOnRequestTimeout: true,
      connectionTimeout: connectionTimeoutMs,
    },
  };
  const { accessKeyId, secretAccessKey, sessionToken } = options.platform ?? {};
  const hasPlatform = accessKeyId !== undefined && secretAccessKey !== undefined;

  const clients = new WeakMap<OpenCredential, Map<string, unknown>>();
  function once<C>(credential: OpenCredential, key: string, make: () => C): C {
    const known = clients.get(credential) ?? new Map<string, unknown>();
    clients.set(credential, known);
    if (!known.has(key)) known.set(key, make());
    return known.get(key) as C;
  }
  const signing = (credential: OpenCredential) => ({
    ...shared,
    credentials: async () => {
      const { keys } = await client.session(credential);
      return { ...keys, expiration: new Date(Date.now() + keptMs) };
    },
  });

  let platform: STSClient | undefined;
  const client: AwsClient = {
    now,
    sleep,
    random: options.random ?? Math.random,
    externalId: options.externalId,
    sessionName: options.sessionName ?? 'claw-cloud',
    hasPlatform,
    session: (credential) => sessions.of(credential, secretOf(credential)),
    ec2: (credential, region) =>
      once(credential, `ec2 ${region}`, () => new EC2Client({ ...signing(credential), region })),
    sts: (credential) =>
      once(credential, 'sts', () => new STSClient({ ...signing(credential), region: homeRegion })),
    pricing: (credential) =>
      once(credential, 'pricing', () => new PricingClient({ ...signing(credential), region: homeRegion })),
    quotas: (credential, region) =>
      once(credential, `quotas ${region}`, () => new ServiceQuotasClient({ ...signing(credential), region })),
    platformSts() {
      const keys: Keys = {
        accessKeyId: accessKeyId ?? '',
        secretAccessKey: secretAccessKey ?? '',
        ...(sessionToken === undefined ? {} : { sessionToken }),
      };
      platform ??= new STSClient({ ...shared, credentials: keys, region: homeRegion });
      return platform;
    },
  };
  const sessions = createSessions(client);
  return client;
}

/** Does the work for each, some at a time; the answers in the order of the items. */
export async function inTurns<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index] as T);
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
