import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { AwsClient } from './client.ts';
import { answeredError, vendorCodeOf } from './errors.ts';
import type { AwsSecret, Keys } from './secret.ts';

const sessionSeconds = 3_600;
/** A session with less than this left is not used for anything new. */
const leastLeftMs = 15 * 60_000;
const rolesUrl = 'https://console.aws.amazon.com/iam/home#/roles';

export interface Session {
  readonly keys: Keys;
  /** Null for keys that don't end by themselves. */
  readonly expiresAt: Date | null;
}

type Asking = Pick<
  AwsClient,
  'platformSts' | 'hasPlatform' | 'externalId' | 'sessionName' | 'now' | 'random'
>;

async function assume(client: Asking, roleArn: string, externalId: string | undefined): Promise<Session> {
  const { Credentials } = await client.platformSts().send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      // What the owner reads in CloudTrail.
      RoleSessionName: client.sessionName,
      DurationSeconds: sessionSeconds,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration } = Credentials ?? {};
  return {
    keys: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    expiresAt: Expiration ?? new Date(client.now().getTime() + sessionSeconds * 1000),
  };
}

/** Raises `provider_unavailable` where this platform has no identity of its own at AWS. */
function requirePlatform(client: Asking): string {
  if (client.hasPlatform && client.externalId !== undefined) return client.externalId;
  throw new ProductError(
    'provider_unavailable',
    'This platform has no identity at AWS that could assume roles.',
    'Use an access key, or ask the operator to name one in PLATFORM_CREDENTIALS_FILE.',
  );
}

async function untrusted(client: Asking, externalId: string): Promise<ProductError> {
  const account = await client
    .platformSts()
    .send(new GetCallerIdentityCommand({}))
    .then(
      ({ Account }) => Account,
      () => undefined,
    );
  return new ProductError(
    'credential_rejected',
    `The role does not trust this platform${account === undefined ? '' : ` (AWS account ${account})`} with your external id ${externalId}, or it does not exist.`,
    "Make the role from the template of this page in your own account, with exactly these values as PlatformAccount and ExternalId. A role that was made for someone else can't be used.",
    { link: rolesUrl },
  );
}

/** Keys by credential: an owner's own as they are, a role's as sessions of one hour that are renewed in time. */
export function createSessions(client: Asking) {
  const held = new WeakMap<OpenCredential, Promise<Session>>();

  async function begin(roleArn: string): Promise<Session> {
    const externalId = requirePlatform(client);
    try {
      return await assume(client, roleArn, externalId);
    } catch (error) {
      const code = vendorCodeOf(error);
      if (code === 'AccessDenied' || code === 'ValidationError') throw await untrusted(client, externalId);
      if (code === 'InvalidClientTokenId' || code === 'SignatureDoesNotMatch') {
        throw new ProductError(
          'provider_unavailable',
          "AWS does not accept this platform's own key.",
          'Use an access key, or tell the operator: it is in PLATFORM_CREDENTIALS_FILE.',
        );
      }
      throw answeredError(error);
    }
  }

  return {
    async of(credential: OpenCredential, secret: AwsSecret): Promise<Session> {
      if (secret.method === 'keys') return { keys: secret.keys, expiresAt: null };
      const known = await held.get(credential)?.catch(() => undefined);
      const leftMs = (known?.expiresAt?.getTime() ?? 0) - client.now().getTime();
      if (known && leftMs >= leastLeftMs) return known;
      const fresh = begin(secret.roleArn);
      held.set(credential, fresh);
      return fresh;
    },
  };
}

/**
 * Raises `credential_rejected` for a role that this platform could be made to use for anyone: one that lets itself be
 * assumed without the owner's external id, or with any.
 */
export async function requireExternalId(client: Asking, roleArn: string): Promise<void> {
  const externalId = requirePlatform(client);
  const wrong = `not-${Math.floor(client.random() * 1e12)}-${externalId.slice(-4)}`;
  for (const attempt of [undefined, wrong]) {
    try {
      await assume(client, roleArn, attempt);
    } catch (error) {
      if (vendorCodeOf(error) === 'AccessDenied') continue;
      throw answeredError(error);
    }
    throw new ProductError(
      'credential_rejected',
      attempt === undefined
        ? 'The role lets itself be assumed without your external id: anyone who knows its name could have us use it.'
        : 'The role lets itself be assumed with any external id: anyone who knows its name could have us use it.',
      `Open the role in IAM, "Trust relationships", and add the condition StringEquals sts:ExternalId ${externalId}, or make the role from the template of this page.`,
      { link: rolesUrl },
    );
  }
}
