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
import type { Paths } from './paths.ts';
import { readIfThere, writePrivate } from './private-file.ts';

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

function keep<T>(path: string, read: (text: string) => T, make: () => T, write: (value: T) => string): T {
  const text = readIfThere(path);
  if (text !== null) return read(text.trim());
  const made = make();
  writePrivate(path, `${write(made)}\n`);
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

/** The agent's keys, made on the first start and kept in files of mode 0600. Await crypto's `ready()` before. */
export function loadKeys(paths: Paths): AgentKeys {
  return {
    identity: keep(
      paths.identityKey,
      (text) => identityFromPrivateKey(fromBase64Url(text)),
      generateIdentity,
      ({ privateKey }) => privateKey.use(toBase64Url),
    ),
    channel: keep(
      paths.channelKey,
      (text) => keyPairFromPrivateKey(fromBase64Url(text)),
      generateKeyPair,
      ({ privateKey }) => privateKey.use(toBase64Url),
    ),
    gatewayDevice: keep(
      paths.gatewayDeviceKey,
      (text) => toGatewayDevice(createPrivateKey(text)),
      () => toGatewayDevice(generateKeyPairSync('ed25519').privateKey),
      ({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ),
  };
}
