import type { Credential, Instance, InstanceEvent } from '@claw-cloud/contracts';
import type { Platform } from '@claw-cloud/local';
import { sandboxToken } from '@claw-cloud/local';
import {
  type ApiClient,
  addCredential,
  type ConversationSession,
  conversationKey,
  createApiClient,
  createGateway,
  createKeyring,
  createLocalSession,
  createMemoryStorage,
  deploy,
  type Gateway,
  isProblem,
  type Keyring,
  type KeyStorage,
  type OwnerConnection,
  openConversation,
  openOwnerChannel,
  watchEvents,
} from '@claw-cloud/owner-client';

export interface Owner {
  email: string;
  ownerId: string;
  api: ApiClient;
  keyring: Keyring;
  storage: KeyStorage;
  getToken: (options?: { fresh?: boolean }) => Promise<string>;
}

let count = 0;

/** A person with a fresh local account and a device of their own. */
export async function newOwner(platform: Platform): Promise<Owner> {
  const email = `owner-${Date.now()}-${count++}@test.local`;
  const session = createLocalSession({ baseUrl: platform.url, cookies: 'jar' });
  await session.signUp({ email, password: 'correct horse battery staple' });
  const api = createApiClient({ baseUrl: platform.url, getToken: session.getToken });
  const { ownerId } = await api.me();
  const storage = createMemoryStorage();
  const keyring = createKeyring(storage, { ownerId, deviceName: 'test device' });
  return { email, ownerId, api, keyring, storage, getToken: session.getToken };
}

/** Adds a sandbox credential and waits until the provisioner has checked it, at most 90 s. */
export async function checkedCredential(
  platform: Platform,
  owner: Owner,
  token?: string,
): Promise<Credential> {
  const secret = { provider: 'sandbox' as const, token: token ?? (await sandboxToken(platform)) };
  const { id } = await addCredential(owner.api, owner.ownerId, { name: 'Sandbox', secret });
  return until(
    () => owner.api.getCredential(id),
    (credential) => credential.state !== 'verifying',
    90_000,
  );
}

/** Deploys the cheapest recommended size and returns as soon as the intent is written. */
export async function startDeploy(
  owner: Owner,
  credentialId: string,
  over: { size?: string; region?: string } = {},
) {
  const catalogue = await owner.api.getCatalogue(credentialId);
  const architecture = process.arch === 'arm64' ? 'arm' : 'x86';
  const [choice] = catalogue.sizes
    .filter((size) => (over.size ? size.id === over.size : !size.small && size.architecture === architecture))
    .flatMap((size) =>
      size.offers
        .filter((offer) => offer.available && (!over.region || offer.region === over.region))
        .map((offer) => ({ size: size.id, region: offer.region, monthly: offer.monthly })),
    )
    .sort((a, b) => a.monthly - b.monthly);
  if (!choice) throw new Error('no size is offered');
  return deploy(owner.api, owner.keyring, {
    credentialId,
    name: 'Test assistant',
    region: choice.region,
    size: choice.size,
    expectedMonthlyPrice: choice.monthly,
  });
}

/** Waits for an event of the instance that fits; raises on the time limit. */
export async function eventOf(
  owner: Owner,
  instanceId: string,
  fits: (event: InstanceEvent) => boolean,
  timeoutMs: number,
): Promise<InstanceEvent> {
  const signal = AbortSignal.timeout(timeoutMs);
  const seen: string[] = [];
  for await (const event of watchEvents(owner.api, instanceId, { signal })) {
    seen.push(`${event.kind} ${JSON.stringify(event.data).slice(0, 160)}`);
    if (fits(event)) return event;
  }
  throw new Error(`No such event within ${timeoutMs / 1000} s. Seen:\n${seen.join('\n')}`);
}

/** Waits until the instance is in the state; a failure on the way raises with its words. */
export async function stateOf(
  owner: Owner,
  instanceId: string,
  state: string,
  timeoutMs: number,
): Promise<Instance> {
  await eventOf(
    owner,
    instanceId,
    ({ kind, data }) => {
      if (kind === 'failure' && state !== 'failed') throw new Error(`failed: ${JSON.stringify(data)}`);
      return kind === 'state' && data.state === state;
    },
    timeoutMs,
  );
  return owner.api.getInstance(instanceId);
}

/** A deployed instance of this owner, ready to chat. */
export async function readyInstance(platform: Platform, owner: Owner) {
  const credential = await checkedCredential(platform, owner);
  const { instance } = await startDeploy(owner, credential.id);
  return { credential, instance: await stateOf(owner, instance.id, 'ready', 300_000) };
}

/** An open channel with a conversation on it. */
export async function openChat(
  platform: Platform,
  owner: Owner,
  instanceId: string,
  conversationId = 'test',
): Promise<{ channel: OwnerConnection; gateway: Gateway; conversation: ConversationSession }> {
  const channel = openOwnerChannel({
    baseUrl: platform.url,
    instanceId,
    api: owner.api,
    keyring: owner.keyring,
  });
  await channel.whenOpen({ timeoutMs: 30_000 });
  const gateway = createGateway(channel);
  await gateway.whenConnected({ timeoutMs: 60_000 });
  const conversation = openConversation(gateway, conversationKey(conversationId));
  return { channel, gateway, conversation };
}

/** Asks for destruction and waits for the receipt. */
export async function destroyed(owner: Owner, instanceId: string, timeoutMs = 90_000) {
  const { id } = await owner.api.destroyInstance(instanceId);
  const operation = await until(
    () => owner.api.getOperation(id),
    ({ state }) => state === 'succeeded' || state === 'failed',
    timeoutMs,
  );
  if (operation.state === 'failed') throw new Error(JSON.stringify(operation.failure));
  return owner.api.getReceipt(instanceId);
}

/**
 * Asks again until the answer fits; raises with the last answer on the time limit. A control plane that is away for a
 * moment is asked again, as the dashboard does.
 */
export async function until<T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
  timeoutMs: number,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask().catch((error: unknown) => {
      if (isProblem(error, 'unavailable') && Date.now() < end) return undefined;
      throw error;
    });
    if (answer !== undefined && fits(answer)) return answer;
    if (Date.now() > end)
      throw new Error(`Not within ${timeoutMs / 1000} s; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
