import { ready } from '@claw-cloud/crypto';
import type { ApiClient } from '../api-client.ts';
import type { Device, Keyring } from '../keyring.ts';
import { isProblem } from '../problem.ts';
import { type ChannelProblem, problems } from './problem.ts';

/** A secret that proves the agent's key and lets this key in: of an invite, or of the recovery code. */
export interface Entry {
  readonly device: Device;
  /** base64url of 32 bytes. */
  readonly secret: string;
  readonly inviteId?: string;
  /** The agent's key is proven. Until this resolves the agent is not told that anything succeeded. */
  pin(agentPublicKey: string): Promise<void>;
}

export interface CallOptions {
  readonly instanceId: string;
  readonly api: Pick<ApiClient, 'getInstance' | 'getToken'>;
  readonly keyring: Keyring;
  /** How to get in where the keyring has nothing yet. @default by what the keyring holds */
  readonly entry?: Entry;
}

interface Keys {
  /** base64url: pinned, or as told where a secret is to prove it. */
  readonly agentPublicKey: string;
  readonly pairingSecret: string | undefined;
  readonly pairingId: string | undefined;
  readonly device: Device;
  readonly pin: (agentPublicKey: string) => Promise<void>;
}

/** What one attempt at a connection needs. */
export interface Prepared extends Keys {
  /** What the control plane says the agent's key is. */
  readonly toldAgentKey: string | null;
  /** Of the session, for the relay. */
  readonly token: string;
}

/** By which keys to call an agent that is told to have the key `told`; or why there is no way. */
async function keysFor(options: CallOptions, told: string | null): Promise<Keys | ChannelProblem> {
  const { instanceId, keyring, entry } = options;
  if (entry) {
    if (told === null) return problems.notReady;
    const { device, secret, inviteId, pin } = entry;
    return { agentPublicKey: told, pairingSecret: secret, pairingId: inviteId, device, pin };
  }
  const [keys, device] = await Promise.all([keyring.instance(instanceId), keyring.deviceOf(instanceId)]);
  if (!keys || !device) return problems.deviceUnknown;
  const { pinnedAgentKey, pairingSecret } = keys;
  const pin = (key: string) => keyring.pin(instanceId, key);
  const common = { pairingId: undefined, device, pin };
  if (pinnedAgentKey !== undefined)
    return { ...common, agentPublicKey: pinnedAgentKey, pairingSecret: undefined };
  if (told === null || pairingSecret === undefined) return problems.notReady;
  return { ...common, agentPublicKey: told, pairingSecret };
}

/**
 * What the next attempt needs, or why there can't be one. `freshToken` asks for a session token that was not used
 * before. Raises where the session has none.
 */
export async function prepare(options: CallOptions, freshToken: boolean): Promise<Prepared | ChannelProblem> {
  const { instanceId, api, keyring, entry } = options;
  await ready();
  // Whoever has no keys at all need not ask the control plane.
  if (!entry && !(await keyring.knows(instanceId))) return problems.deviceUnknown;
  const told = await api.getInstance(instanceId).catch((error: unknown) => {
    if (isProblem(error, 'not_found')) return problems.notFound;
    if (isProblem(error, 'unauthenticated')) return problems.unauthenticated;
    return problems.unreachable;
  });
  if ('code' in told) return told;
  if (told.state === 'destroyed') return problems.notFound;
  const keys = await keysFor(options, told.agentPublicKey);
  if ('code' in keys) return keys;
  const token = await api.getToken({ fresh: freshToken });
  return { ...keys, toldAgentKey: told.agentPublicKey, token };
}
