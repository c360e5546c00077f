import { type Credential, cloudTag, type Operation } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import { hashToken } from '@claw-cloud/crypto/tokens';
import type { FakeCloud } from '@claw-cloud/fake-clouds';
import { createRig, until } from '@claw-cloud/provisioner/testing';

export { type ProvisionerProcess, until } from '@claw-cloud/provisioner/testing';

const random = (bytes: number) => toBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(bytes)));

/** A credential of a pretend cloud as its form's fields. */
export type Fields = Readonly<Record<string, string>>;

export interface Wish {
  readonly region?: string;
  readonly size?: string;
  readonly price?: number;
}

export interface Deployed {
  readonly instanceId: string;
  readonly operationId: string;
  readonly tag: string;
}

const checkLimitMs = 120_000;
const operationLimitMs = 600_000;

/** The provisioner's rig over clouds that are started already, in terms that hold for all of them. */
export async function createLab(options: {
  readonly clouds: readonly FakeCloud[];
  readonly environment?: Readonly<Record<string, string>>;
}) {
  const rig = await createRig({
    clouds: Object.fromEntries(options.clouds.map((cloud) => [cloud.id, async () => cloud])),
  });
  const { db, owner } = rig;
  /** Everything that must never be seen in clear: what owners typed, what servers were told. */
  const secrets = new Map<string, string>();

  async function addCredential(cloud: Pick<FakeCloud, 'id'>, fields: Fields): Promise<string> {
    // Which way of access it is, where a cloud has several, is a word and no secret.
    for (const [name, value] of Object.entries(fields))
      if (name !== 'method') secrets.set(value, `the credential’s ${name}`);
    return rig.addCredential(fields, cloud.id);
  }

  const checked = (id: string): Promise<Credential> =>
    until(
      'the credential is checked',
      async () => {
        const credential = await owner.getCredential(id);
        return credential.state === 'verifying' ? null : credential;
      },
      checkLimitMs,
    );

  async function monthlyPrice(credentialId: string, region: string, size: string): Promise<number> {
    const { sizes } = await owner.getCatalogue(credentialId);
    const offer = sizes.find(({ id }) => id === size)?.offers.find((entry) => entry.region === region);
    if (!offer) throw new Error(`the catalogue has no ${size} in ${region}`);
    return offer.monthly;
  }

  async function deploy(cloud: FakeCloud, credentialId: string, wish: Wish = {}): Promise<Deployed> {
    const { region = cloud.offer.region, size = cloud.offer.size } = wish;
    const price = wish.price ?? (await monthlyPrice(credentialId, region, size));
    const { instanceId, operationId, pairingSecret } = await rig.deploy(credentialId, {
      region,
      size,
      price,
    });
    secrets.set(pairingSecret, 'the pairing secret');
    return { instanceId, operationId, tag: cloudTag(instanceId) };
  }

  /** What the instance's server does once it is up, without being one: it calls home, and is ready. */
  async function callHome(cloud: FakeCloud, { instanceId, tag }: Pick<Deployed, 'instanceId' | 'tag'>) {
    const server = (await cloud.servers()).find((entry) => entry.tag === tag);
    const token = /"registrationToken": "([\w-]{43})"/.exec(server?.userData ?? '')?.[1];
    if (token === undefined) throw new Error(`the server of ${tag} was told no registration token`);
    secrets.set(token, 'the registration token');
    const told = { agentVersion: '0.1.0', openclawVersion: '2026.9.6' };
    await db.machine.register(hashToken(token), {
      instanceId,
      identityPublicKey: random(32),
      agentPublicKey: random(32),
      ...told,
    });
    await db.machine.markReady(instanceId, { ...told, gateway: 'ready', uptimeSeconds: 1 });
  }

  const ended = (operation: string | Pick<Operation, 'id'>, limitMs = operationLimitMs): Promise<Operation> =>
    rig.ended(typeof operation === 'string' ? operation : operation.id, limitMs);

  return {
    ...rig,
    secrets,
    // A busy computer must not look like a dead provisioner.
    startProvisioner: () => rig.startProvisioner({ LEASE_MS: '10000', ...options.environment }),
    addCredential,
    checked,
    /** A verified credential of an account; raises the reason when it is refused. */
    async account(cloud: FakeCloud, account: string): Promise<{ id: string; fields: Fields }> {
      const fields = cloud.newCredential({ account });
      const id = await addCredential(cloud, fields);
      const credential = await checked(id);
      if (credential.state !== 'ready') throw new Error(JSON.stringify(credential.failure));
      return { id, fields };
    },
    monthlyPrice,
    deploy,
    callHome,
    ended,
    destroy: async (instanceId: string): Promise<Operation> => ended(await rig.destroy(instanceId)),
    /** The end of the provisioner's log, for messages. */
    said: (lines = 25): string => rig.log.slice(-lines).join('\n'),
  };
}

export type Lab = Awaited<ReturnType<typeof createLab>>;
