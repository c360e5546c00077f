import { InstanceId, PublicKey } from '@claw-cloud/contracts';
import {
  fromBase64Url,
  type KeyPair,
  keyPairFromPrivateKey,
  ready,
  type Secret,
  type SecretText,
  secret,
  toBase64Url,
} from '@claw-cloud/crypto';
import {
  generateDeviceKeyPair,
  generatePairingSecret,
  generateRecoveryCode,
  recoveryKeyPair,
  recoverySecret,
} from '@claw-cloud/crypto/owner-keys';
import { z } from 'zod';
import type { KeyStorage } from './storage.ts';

const StoredDevice = z.object({ privateKey: PublicKey, name: z.string().max(80), createdAt: z.string() });
const StoredRecovery = z.object({
  publicKey: PublicKey,
  acknowledged: z.boolean(),
  /**
   * From it comes what proves each later server to whoever recovers. It lets nobody in; whoever reads it could
   * play such a server to an owner who recovers, had they the control plane too. Absent in keyrings of before.
   */
  secret: PublicKey.optional(),
});
const StoredInstance = z.object({
  devicePublicKey: PublicKey,
  /** Until the first connection has proven the agent's key; then erased. */
  pairingSecret: PublicKey.optional(),
  /** The agent's key, once proven. Never replaced by what the api says. */
  pinnedAgentKey: PublicKey.optional(),
});
export type InstanceKeys = z.infer<typeof StoredInstance>;

/** What travels in a sign-in link's fragment, so that another browser of the same owner can chat at once. */
export const ExportedKeyring = z.object({
  v: z.literal(1),
  ownerId: z.string().min(1).max(200),
  current: PublicKey,
  devices: z.record(PublicKey, StoredDevice),
  recovery: StoredRecovery.optional(),
  instances: z.record(InstanceId, StoredInstance),
});
export type ExportedKeyring = z.infer<typeof ExportedKeyring>;

export interface Device {
  readonly name: string;
  readonly publicKey: string;
  readonly keyPair: KeyPair;
}

export type Keyring = ReturnType<typeof createKeyring>;

/** What of a recovery code is kept: neither lets anybody in. */
function recoveryOf(code: SecretText): { publicKey: string; secret: string } {
  const pair = recoveryKeyPair(code);
  pair.privateKey.wipe();
  const proof = recoverySecret(code);
  try {
    return { publicKey: toBase64Url(pair.publicKey), secret: proof.use(toBase64Url) };
  } finally {
    proof.wipe();
  }
}

/**
 * The keys of one owner on this device: the device's X25519 key pair, the recovery public key, and per
 * instance the pairing secret (until used) and the pinned agent key. Two owners on one device share nothing.
 */
export function createKeyring(
  storage: KeyStorage,
  options: { ownerId: string; deviceName: string; now?: () => Date },
) {
  const { ownerId, deviceName } = options;
  const now = options.now ?? (() => new Date());
  const base = `keyring/${ownerId}/`;
  const named = {
    current: `${base}current`,
    recovery: `${base}recovery`,
    device: (publicKey: string) => `${base}device/${publicKey}`,
    instance: (instanceId: string) => `${base}instance/${instanceId}`,
  };

  const read = async <T extends z.ZodType>(name: string, shape: T): Promise<z.output<T> | undefined> => {
    const text = await storage.get(name);
    return text === undefined ? undefined : shape.parse(JSON.parse(text));
  };
  const write = (name: string, value: unknown) => storage.set(name, JSON.stringify(value));

  const openDevice = async (publicKey: string): Promise<Device | undefined> => {
    const stored = await read(named.device(publicKey), StoredDevice);
    if (!stored) return undefined;
    const keyPair = keyPairFromPrivateKey(secret(fromBase64Url(stored.privateKey)));
    return { name: stored.name, publicKey: toBase64Url(keyPair.publicKey), keyPair };
  };

  /** This device's key pair, made at its first use; two tabs that make it at once agree on one. */
  const device = async (): Promise<Device> => {
    await ready();
    const known = await storage.get(named.current);
    const existing = known === undefined ? undefined : await openDevice(known);
    if (existing) return existing;
    const made = generateDeviceKeyPair();
    const publicKey = toBase64Url(made.publicKey);
    const privateKey = made.privateKey.use(toBase64Url);
    await write(named.device(publicKey), { privateKey, name: deviceName, createdAt: now().toISOString() });
    const winner = await storage.setIfAbsent(named.current, publicKey);
    const chosen = await openDevice(winner);
    if (!chosen) throw new Error('The keys of this device are incomplete.');
    return chosen;
  };

  const instance = (instanceId: string) => read(named.instance(instanceId), StoredInstance);

  return {
    ownerId,
    device,
    instance,

    /** The key pair the instance was told about at its birth. */
    async deviceOf(instanceId: string): Promise<Device | undefined> {
      await ready();
      const keys = await instance(instanceId);
      return keys && openDevice(keys.devicePublicKey);
    },

    /** Whether this device can talk to the instance at all. */
    knows: async (instanceId: string): Promise<boolean> => (await instance(instanceId)) !== undefined,

    /**
     * The recovery public key, and the secret that proves servers to it. While no code has been acknowledged as
     * kept, each call makes a new code and returns it: the code itself is never stored, so one that was not
     * written down is worth nothing. A keyring of before has no secret; for servers to come it gets a new code.
     */
    async recovery(): Promise<{ publicKey: string; secret: string; code?: Secret<string> }> {
      await ready();
      const stored = await read(named.recovery, StoredRecovery);
      if (stored?.acknowledged && stored.secret !== undefined) {
        return { publicKey: stored.publicKey, secret: stored.secret };
      }
      const code = generateRecoveryCode();
      const made = recoveryOf(code);
      await write(named.recovery, { ...made, acknowledged: false });
      return { ...made, code };
    },

    /** The owner has kept the code of this public key; later deploys use the same one. */
    async acknowledgeRecovery(publicKey: string): Promise<void> {
      const stored = await read(named.recovery, StoredRecovery);
      if (stored?.publicKey === publicKey) await write(named.recovery, { ...stored, acknowledged: true });
    },

    /** What another device of this owner needs, so that servers deployed from it are recovered by the same code. */
    async recoveryForOthers(): Promise<string | undefined> {
      const stored = await read(named.recovery, StoredRecovery);
      return stored?.acknowledged && stored.secret !== undefined ? JSON.stringify(stored) : undefined;
    },

    /** Takes over {@link recoveryForOthers} of another device; a code that was kept here stays. */
    async adoptRecovery(text: string): Promise<void> {
      const here = await read(named.recovery, StoredRecovery);
      if (here?.acknowledged && here.secret !== undefined) return;
      await write(named.recovery, StoredRecovery.parse(JSON.parse(text)));
    },

    /** A code the owner has already serves for later deploys of this device too. Raises `recovery_code_invalid`. */
    async useRecoveryCode(code: SecretText): Promise<void> {
      await ready();
      await write(named.recovery, { ...recoveryOf(code), acknowledged: true });
    },

    /**
     * The instance's keys for a deploy, with its single-use pairing secret: durable before this resolves,
     * so before any machine can know the secret. The same instance id gives the same secret.
     */
    async prepareInstance(instanceId: string): Promise<InstanceKeys & { pairingSecret: string }> {
      const own = await device();
      const fresh = {
        devicePublicKey: own.publicKey,
        pairingSecret: generatePairingSecret().use(toBase64Url),
      };
      const stored = StoredInstance.parse(
        JSON.parse(await storage.setIfAbsent(named.instance(instanceId), JSON.stringify(fresh))),
      );
      if (stored.pairingSecret === undefined) throw new Error('This instance is paired already.');
      return { ...stored, pairingSecret: stored.pairingSecret };
    },

    /** Pins the agent's proven key and erases the pairing secret, in one write. */
    async pin(instanceId: string, agentPublicKey: string): Promise<void> {
      const keys = await instance(instanceId);
      if (!keys) throw new Error('This device has no keys for the instance.');
      if (keys.pinnedAgentKey !== undefined && keys.pinnedAgentKey !== agentPublicKey) {
        throw new Error('Another key of the agent is pinned already.');
      }
      await write(named.instance(instanceId), {
        devicePublicKey: keys.devicePublicKey,
        pinnedAgentKey: PublicKey.parse(agentPublicKey),
      });
    },

    /**
     * Keeps the proven key of an agent that has enrolled this device, in place of what was known of it: for an
     * invite or a recovery code, which prove the agent anew.
     */
    async link(instanceId: string, agentPublicKey: string): Promise<void> {
      const own = await device();
      await write(named.instance(instanceId), {
        devicePublicKey: own.publicKey,
        pinnedAgentKey: PublicKey.parse(agentPublicKey),
      });
    },

    /**
     * Pins the agent's next key, which the agent said over a channel that had proven the former one. False, with
     * nothing changed, where another key is pinned by now.
     */
    async repin(instanceId: string, former: string, next: string): Promise<boolean> {
      const keys = await instance(instanceId);
      if (keys?.pinnedAgentKey !== former) return false;
      await write(named.instance(instanceId), { ...keys, pinnedAgentKey: PublicKey.parse(next) });
      return true;
    },

    /** Forgets an instance that is gone. */
    forget: (instanceId: string) => storage.delete(named.instance(instanceId)),

    /** Everything this owner has here, secrets included: whoever holds it is this device. */
    async export(): Promise<ExportedKeyring> {
      const own = await device();
      const devices = await storage.list(`${base}device/`);
      const instances = await storage.list(`${base}instance/`);
      const recovery = await read(named.recovery, StoredRecovery);
      const record = (entries: [string, string][], prefix: string) =>
        Object.fromEntries(
          entries.map(([name, value]) => [name.slice(prefix.length), JSON.parse(value) as unknown]),
        );
      return ExportedKeyring.parse({
        v: 1,
        ownerId,
        current: own.publicKey,
        devices: record(devices, `${base}device/`),
        ...(recovery ? { recovery } : {}),
        instances: record(instances, `${base}instance/`),
      });
    },

    /**
     * Adds what another device exported. What is here already stays: a device key in use, a pin. Refuses
     * another owner's keys: a link must not plant its maker's keys in somebody else's keyring.
     */
    async import(exported: ExportedKeyring): Promise<void> {
      if (exported.ownerId !== ownerId) throw new Error('These keys belong to another account.');
      await ready();
      for (const [publicKey, stored] of Object.entries(exported.devices)) {
        const pair = keyPairFromPrivateKey(fromBase64Url(stored.privateKey));
        if (toBase64Url(pair.publicKey) !== publicKey) throw new Error('These keys do not belong together.');
        await storage.setIfAbsent(named.device(publicKey), JSON.stringify(stored));
      }
      if (exported.devices[exported.current]) await storage.setIfAbsent(named.current, exported.current);
      if (exported.recovery) {
        const here = await read(named.recovery, StoredRecovery);
        if (!here?.acknowledged || here.secret === undefined) await write(named.recovery, exported.recovery);
      }
      for (const [instanceId, keys] of Object.entries(exported.instances)) {
        const here = await instance(instanceId);
        // A pin that was proven elsewhere ends a pairing that is open here; never the other way round.
        if (!here || (here.pinnedAgentKey === undefined && keys.pinnedAgentKey !== undefined)) {
          await write(named.instance(instanceId), keys);
        }
      }
    },
  };
}

/** An exported keyring as text for a URL's fragment (base64url of JSON). */
export async function encodeKeyring(exported: ExportedKeyring): Promise<string> {
  await ready();
  return toBase64Url(new TextEncoder().encode(JSON.stringify(exported)));
}

/** The keyring of {@link encodeKeyring}'s text; undefined where it is not one (or larger than 256 KiB). */
export async function decodeKeyring(text: string): Promise<ExportedKeyring | undefined> {
  if (text.length > 256 * 1024) return undefined;
  await ready();
  try {
    const parsed = ExportedKeyring.safeParse(JSON.parse(new TextDecoder().decode(fromBase64Url(text))));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
