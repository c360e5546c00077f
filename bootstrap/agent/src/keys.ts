import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import {
  fromBase64Url,
  generateKeyPair,
  type KeyPair,
  keyPairFromPrivateKey,
  toBase64Url,
} from '@claw-cloud/crypto';
import { generateIdentity, type Identity, identityFromPrivateKey } from '@claw-cloud/crypto/signing';
import type { Log } from './log.ts';
import type { Paths } from './paths.ts';
import { readOrSetAside, readTwice, writePrivate, writeTwice } from './private-file.ts';

/** How the agent proves itself to OpenClaw's gateway; the id is the SHA-256 of the raw public key, in hex. */
export interface GatewayDevice {
  id: string;
  publicKey: string;
  privateKey: KeyObject;
}

export interface AgentKeys {
  /** Ed25519: signs tunnel challenges. */
  identity: Identity;
  /** X25519: the static key of the owner channel. */
  channel: KeyPair;
  gatewayDevice: GatewayDevice;
}

const privateText = ({ privateKey }: { privateKey: KeyPair['privateKey'] }): string =>
  privateKey.use(toBase64Url);

interface KeyForm<T> {
  read: (text: string) => T;
  make: () => T;
  write: (value: T) => string;
}

/** One that others know by its public half: it is kept twice. Raises where both are damaged. */
function keepKnown<T>(path: string, { read, make, write }: KeyForm<T>, log: Log): T {
  const kept = readTwice(path, (text) => read(text.trim()), log);
  if (kept !== null) return kept;
  const made = make();
  writeTwice(path, `${write(made)}\n`);
  return made;
}

function toGatewayDevice(privateKey: KeyObject): GatewayDevice {
  const raw = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    id: createHash('sha256').update(raw).digest('hex'),
    publicKey: raw.toString('base64url'),
    privateKey,
  };
}

const identityForm: KeyForm<Identity> = {
  read: (text) => identityFromPrivateKey(fromBase64Url(text)),
  make: generateIdentity,
  write: privateText,
};
const channelForm: KeyForm<KeyPair> = {
  read: (text) => keyPairFromPrivateKey(fromBase64Url(text)),
  make: generateKeyPair,
  write: privateText,
};

/** The agent's keys, made on the first start and kept in files of mode 0600. Await crypto's `ready()` before. */
export function loadKeys(paths: Paths, log: Log = () => undefined): AgentKeys {
  const device: KeyForm<GatewayDevice> = {
    read: (text) => toGatewayDevice(createPrivateKey(text)),
    make: () => toGatewayDevice(generateKeyPairSync('ed25519').privateKey),
    write: ({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  /** OpenClaw takes any that comes with its token: a damaged one is made anew. */
  const gatewayDevice = (): GatewayDevice => {
    const kept = readOrSetAside(paths.gatewayDeviceKey, (text) => device.read(text.trim()), log);
    if (kept) return kept;
    const made = device.make();
    writePrivate(paths.gatewayDeviceKey, `${device.write(made)}\n`);
    return made;
  };
  return {
    identity: keepKnown(paths.identityKey, identityForm, log),
    channel: keepKnown(paths.channelKey, channelForm, log),
    gatewayDevice: gatewayDevice(),
  };
}
