import { createHash } from 'node:crypto';
import {
  newId,
  type OwnerCommandName,
  type OwnerFrame,
  type ownerCommands,
  type ownerResults,
  ProductError,
} from '@claw-cloud/contracts';
import { chainHash, chainStart } from '@claw-cloud/crypto/audit';
import type { z } from 'zod';
import { type MachineState, type Notice, recording } from './state.ts';

export interface CommandTools {
  readonly state: MachineState;
  /** The device that asks, by its public key. */
  readonly device: string;
  readonly progress: (step: string, message: string, fraction?: number) => void;
  readonly notice: (notice: Notice) => void;
  readonly attest: (nonce: string) => z.input<(typeof ownerResults)['instance.attest']>;
  /** An archive, encrypted as an agent encrypts it. */
  readonly encrypted: (id: string, recipients: readonly string[]) => Uint8Array;
  readonly files: Map<string, Uint8Array>;
}

export type Handlers = {
  [N in OwnerCommandName]: (
    params: z.output<(typeof ownerCommands)[N]>,
    tools: CommandTools,
  ) => z.input<(typeof ownerResults)[N]> | Promise<z.input<(typeof ownerResults)[N]>>;
};

const ok = { ok: true } as const;
const now = () => new Date().toISOString();
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const pieceBytes = 48 * 1024;

/** Adds to the record that the control plane can't alter. */
export function note(
  state: MachineState,
  action: string,
  detail: Record<string, unknown> = {},
  outcome: 'allowed' | 'denied' | 'succeeded' | 'failed' = 'succeeded',
): void {
  const before = state.audit.at(-1);
  const entry = { seq: (before?.seq ?? 0) + 1, at: now(), actor: 'owner', action, outcome, detail };
  state.audit.push({ ...entry, hash: chainHash(before?.hash ?? chainStart, entry) });
}

const piece = (file: Uint8Array, offset: number) =>
  Buffer.from(file.subarray(offset, offset + pieceBytes)).toString('base64');

/** What a server answers its owner, out of its scripted state. */
export const handlers: Handlers = {
  'model.set': ({ provider, model }, { state }) => {
    const name = model ?? 'its-default';
    state.models = state.models.filter((other) => other.provider !== provider);
    for (const other of state.models) other.isDefault = false;
    state.models.push({ provider, model: name, isDefault: true });
    return { provider, model: name, check: { status: 'ok', latencyMs: 300 } };
  },
  'model.get': (_, { state }) => {
    const { provider = null, model = null } = state.models.find(({ isDefault }) => isDefault) ?? {};
    return { provider, model, baseUrl: null };
  },
  'model.list': (_, { state }) => ({ providers: state.models }),
  'model.test': ({ provider }, { state }) => state.checks[provider] ?? { status: 'unknown' },
  'model.remove': ({ provider }, { state }) => {
    state.models = state.models.filter((other) => other.provider !== provider);
    return ok;
  },
  'instance.health': (_, { state }) => state.health,
  'gateway.restart': (_, { state, notice }) => {
    note(state, 'gateway.restart');
    if (state.health.gatewayCheck) state.health.gatewayCheck.lastRestartReason = 'owner';
    notice({ kind: 'gateway_restarted', reason: 'owner' });
    return ok;
  },
  'logs.tail': ({ source, lines }, { state }) => ({ lines: (state.logs[source] ?? []).slice(-lines) }),
  'config.get': (_, { state }) => ({ hash: state.configHash, config: state.config }),
  'config.schema': () => ({ schema: { type: 'object' } }),
  'config.set': ({ baseHash, patch }, { state }) => {
    if (baseHash !== state.configHash)
      throw new ProductError('conflict', 'The configuration has changed meanwhile.', 'Load it again.');
    const tools = patch.tools as { exec?: { mode?: unknown } } | undefined;
    if (tools?.exec && !['ask', 'deny'].includes(String(tools.exec.mode)))
      throw new ProductError(
        'invalid_request',
        'tools.exec.mode: must be one of "ask", "deny".',
        'Correct it and save again.',
      );
    state.config = { ...state.config, ...patch };
    state.configHash = `hash-${sha256(JSON.stringify(state.config)).slice(0, 8)}`;
    return { hash: state.configHash };
  },
  'updates.get': (_, { state }) => state.updates,
  'updates.apply': ({ version }, { state, progress }) => {
    for (const [at, step] of ['install', 'try', 'stop', 'migrate', 'switch', 'start'].entries())
      progress(step, `Step ${at + 1} of 6`, (at + 1) / 6);
    const from = state.updates.current;
    state.updates.current = version;
    state.updates.previous = from;
    if (state.updates.latest?.version === version) state.updates.latest = null;
    state.updates.last = {
      at: now(),
      from,
      to: version,
      outcome: 'succeeded',
      reason: null,
      downSeconds: 21,
    };
    return state.updates;
  },
  'updates.rollback': (_, { state, progress }) => {
    progress('stop', 'Stopping the assistant');
    const from = state.updates.current;
    state.updates.current = state.updates.previous ?? from;
    state.updates.previous = null;
    const { current } = state.updates;
    state.updates.last = {
      at: now(),
      from,
      to: current,
      outcome: 'rolled_back',
      reason: null,
      downSeconds: 12,
    };
    return state.updates;
  },
  'updates.pin': ({ version }, { state }) => {
    state.updates.pinned = version;
    return state.updates;
  },
  'updates.snooze': ({ days }, { state }) => {
    state.updates.snoozedUntil = new Date(Date.now() + days * 86_400_000).toISOString();
    return state.updates;
  },
  'agent.update': ({ sha256: digest }, { state }) => {
    if (digest === state.updates.agent.sha256) return { outcome: 'current' };
    const { latest } = state.updates.agent;
    state.updates.agent = { version: latest?.version ?? '', sha256: digest, latest: null };
    return { outcome: 'started' };
  },
  'keys.rotate': () => ({ agentPublicKey: 'K'.repeat(43) }),
  'backup.create': ({ recipients }, { state, progress, encrypted, files }) => {
    progress('archive', 'Collecting', 0.5);
    const id = newId('backup');
    const bytes = encrypted(id, recipients);
    files.set(id, bytes);
    state.backups.unshift({
      id,
      at: now(),
      openclawVersion: state.updates.current,
      bytes: bytes.length,
      sha256: sha256(bytes),
      why: 'owner',
      recipients: [...recipients],
    });
    return state.backups[0] as MachineState['backups'][number];
  },
  'backup.list': (_, { state }) => ({ backups: state.backups }),
  'backup.read': ({ backupId, offset }, { files }) => {
    const file = files.get(backupId);
    if (!file) throw new ProductError('backup_unknown', 'There is no such backup.', 'Load the list again.');
    return { data: piece(file, offset), bytes: file.length, sha256: sha256(file) };
  },
  'backup.delete': ({ backupId }, { state, files }) => {
    state.backups = state.backups.filter(({ id }) => id !== backupId);
    files.delete(backupId);
    return ok;
  },
  'restore.begin': ({ bytes, sha256: digest }, { state }) => {
    state.restored = { bytes, sha256: digest, received: 0 };
    return ok;
  },
  'restore.piece': ({ data }, { state }) => {
    if (state.restored) state.restored.received += Buffer.from(data, 'base64').length;
    state.restoredText += Buffer.from(data, 'base64').toString('latin1');
    return { received: state.restored?.received ?? 0 };
  },
  'restore.apply': (_, { state, progress }) => {
    progress('stop', 'Stopping the assistant', 0.3);
    progress('start', 'Starting it with what was put back', 0.8);
    return state.updates;
  },
  'devices.list': (_, { state, device }) => ({
    devices: state.devices.map((one) => ({ ...one, current: one.publicKey === device })),
  }),
  'devices.revoke': ({ publicKey }, { state }) => {
    state.devices = state.devices.filter((one) => one.publicKey !== publicKey);
    note(state, 'devices.revoke');
    return ok;
  },
  'devices.enrol': ({ publicKey, name, revokeOthers }, { state }) => {
    const others = state.devices.filter(({ kind }) => kind === 'device');
    if (revokeOthers) state.devices = state.devices.filter(({ kind }) => kind === 'recovery');
    const at = now();
    state.devices.push({ publicKey, kind: 'device', name, addedAt: at, lastSeenAt: at, current: false });
    return { revoked: revokeOthers ? others.length : 0 };
  },
  'devices.invite': ({ inviteId, secret, minutes }, { state }) => {
    const expiresAt = new Date(Date.now() + minutes * 60_000).toISOString();
    state.invites.set(inviteId, { secret, expiresAt });
    return { expiresAt };
  },
  'devices.parcel': () => ({ parcel: null }),
  'devices.rename': ({ publicKey, name }, { state }) => {
    const device = state.devices.find((one) => one.publicKey === publicKey);
    if (!device) throw new ProductError('device_unknown', 'There is no such device.', 'Load the list again.');
    device.name = name;
    return ok;
  },
  'support.grant': ({ name, minutes, root, confirmLong }, { state }) => {
    if (minutes > 240 && !confirmLong)
      throw new ProductError('confirmation_needed', 'More than four hours.', 'Confirm it.');
    const grant = {
      id: newId('grant'),
      name,
      keyFingerprint: 'SHA256:9m3b7Yw1hXl8sT5u2Vn0r3k4q5s8Jb4c6pQm0o1xDnM',
      root,
      startsAt: now(),
      endsAt: new Date(Date.now() + minutes * 60_000).toISOString(),
      endedAt: null,
      endedWhy: null,
      sessions: [],
    };
    state.grants.unshift(grant);
    note(state, 'support.grant', { name, minutes, root }, 'allowed');
    return { grant, token: 'T'.repeat(43), hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHost support' };
  },
  'support.list': (_, { state }) => ({ grants: state.grants }),
  'support.revoke': ({ grantId }, { state, notice }) => {
    const grant = state.grants.find(({ id }) => id === grantId);
    if (!grant) throw new ProductError('grant_unknown', 'There is no such grant.', 'Load the list again.');
    Object.assign(grant, { endedAt: now(), endedWhy: 'revoked' });
    note(state, 'support.revoke', { name: grant.name });
    notice({ kind: 'grant_ended', grantId, name: grant.name, why: 'revoked' });
    return grant;
  },
  'support.recording': ({ offset }) => {
    const bytes = Buffer.from(recording);
    return { data: piece(bytes, offset), bytes: bytes.length, done: offset + pieceBytes >= bytes.length };
  },
  'audit.list': ({ after, limit }, { state }) => ({
    entries: state.audit.filter(({ seq }) => seq > after).slice(0, limit),
    head: state.audit.at(-1)?.seq ?? 0,
  }),
  'instance.attest': ({ nonce }, { attest }) => attest(nonce),
  'instance.eject': (_, { state, progress }) => {
    progress('ssh', 'Starting the SSH daemon with your key', 0.3);
    progress('agent', 'Removing the agent', 0.7);
    state.ejected = true;
    return ok;
  },
};

export type Command = Extract<OwnerFrame, { type: 'command' }>;
