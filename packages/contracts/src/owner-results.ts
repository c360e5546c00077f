import { z } from 'zod';
import { PublicKey, Timestamp } from './common.ts';
import { InstanceHealth } from './health.ts';
import { BackupId, GrantId } from './ids.ts';
import { transferPieceBytes } from './owner-messages.ts';
import { AgentRelease, OpenClawRelease } from './releases.ts';

const Done = z.object({ ok: z.literal(true) });

export const ModelCheck = z.object({
  status: z.enum(['ok', 'failed', 'unknown']),
  latencyMs: z.number().optional(),
  reason: z.string().optional(),
});

export const Device = z.object({
  publicKey: PublicKey,
  kind: z.enum(['device', 'recovery']),
  name: z.string(),
  addedAt: Timestamp.nullable(),
  lastSeenAt: Timestamp.nullable(),
  /** The one that asks. */
  current: z.boolean(),
});

export const Updates = z.object({
  current: z.string(),
  /** What one click would put back; null when there is none. */
  previous: z.string().nullable(),
  /** The channel's newest for this instance; null while nothing newer was offered. */
  latest: OpenClawRelease.nullable(),
  pinned: z.string().nullable(),
  snoozedUntil: Timestamp.nullable(),
  running: z.object({ to: z.string(), step: z.string() }).nullable(),
  last: z
    .object({
      at: Timestamp,
      from: z.string(),
      to: z.string(),
      outcome: z.enum(['succeeded', 'failed', 'rolled_back']),
      reason: z.string().nullable(),
      downSeconds: z.number().nonnegative(),
    })
    .nullable(),
  agent: z.object({ version: z.string(), sha256: z.string().nullable(), latest: AgentRelease.nullable() }),
});

export const Backup = z.object({
  id: BackupId,
  at: Timestamp,
  openclawVersion: z.string(),
  /** Of the encrypted file. */
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
  why: z.enum(['owner', 'update']),
  recipients: z.array(PublicKey),
});

export const Grant = z.object({
  id: GrantId,
  name: z.string(),
  keyFingerprint: z.string(),
  root: z.boolean(),
  startsAt: Timestamp,
  endsAt: Timestamp,
  endedAt: Timestamp.nullable(),
  endedWhy: z.enum(['expired', 'revoked', 'rebooted']).nullable(),
  sessions: z.array(
    z.object({
      session: z.string(),
      startedAt: Timestamp,
      endedAt: Timestamp.nullable(),
      bytes: z.number().int().nonnegative(),
    }),
  ),
});

export const AuditEntry = z.object({
  seq: z.number().int().positive(),
  at: Timestamp,
  actor: z.string().max(200),
  action: z.string().max(100),
  outcome: z.enum(['allowed', 'denied', 'succeeded', 'failed']),
  detail: z.record(z.string(), z.unknown()),
  /** BLAKE2b-256 over the former entry's hash and this entry, in hex; see packages/crypto audit. */
  hash: z.string().length(64),
});

/** What runs on a server, as it says itself; signed with the agent's identity key. */
export const AttestStatement = z.object({
  v: z.literal(1),
  instanceId: z.string(),
  nonce: PublicKey,
  at: Timestamp,
  bootId: z.string(),
  os: z.string(),
  kernel: z.string(),
  agent: z.object({
    version: z.string(),
    sha256: z.string().nullable(),
    publishedSha256: z.string().nullable(),
  }),
  openclaw: z.object({ version: z.string().nullable(), integrity: z.string().nullable() }),
  node: z.string(),
  /** protocol, address:port, process. */
  sockets: z.array(z.object({ protocol: z.string(), local: z.string(), process: z.string() })).max(200),
  usersWithShell: z.array(z.string()).max(100),
  authorisedKeys: z.array(z.object({ user: z.string(), fingerprint: z.string() })).max(100),
  timers: z.array(z.string()).max(100),
  enabledUnits: z.array(z.string()).max(300),
  sshd: z.enum(['absent', 'masked', 'inactive', 'active']),
  firewall: z.object({ sha256: z.string(), inbound: z.enum(['drop', 'other']) }),
  lastUpgradeAt: Timestamp.nullable(),
  rebootRequired: z.boolean(),
  grants: z.array(z.object({ id: z.string(), name: z.string(), endsAt: Timestamp })).max(100),
});

/** What each owner command answers, by its name. */
export const ownerResults = {
  'model.set': z.object({ provider: z.string(), model: z.string(), check: ModelCheck }),
  'model.get': z.object({
    provider: z.string().nullable(),
    model: z.string().nullable(),
    baseUrl: z.string().nullable(),
  }),
  'model.list': z.object({
    providers: z.array(
      z.object({ provider: z.string(), model: z.string().nullable(), isDefault: z.boolean() }),
    ),
  }),
  'model.test': ModelCheck,
  'model.remove': Done,
  'instance.health': InstanceHealth,
  'gateway.restart': Done,
  'logs.tail': z.object({ lines: z.array(z.string()) }),
  'config.get': z.object({ hash: z.string(), config: z.record(z.string(), z.unknown()) }),
  'config.schema': z.object({ schema: z.unknown() }),
  'config.set': z.object({ hash: z.string() }),
  'updates.get': Updates,
  'updates.apply': Updates,
  'updates.rollback': Updates,
  'updates.pin': Updates,
  'updates.snooze': Updates,
  'agent.update': z.object({ outcome: z.enum(['started', 'current']) }),
  'keys.rotate': z.object({ agentPublicKey: PublicKey }),
  'backup.create': Backup,
  'backup.list': z.object({ backups: z.array(Backup) }),
  'backup.read': z.object({
    data: z.string().max(Math.ceil(transferPieceBytes / 3) * 4 + 4),
    bytes: z.number().int().nonnegative(),
    sha256: z.string(),
  }),
  'backup.delete': Done,
  'restore.begin': Done,
  'restore.piece': z.object({ received: z.number().int().nonnegative() }),
  'restore.apply': Updates,
  'devices.list': z.object({ devices: z.array(Device) }),
  'devices.revoke': Done,
  'devices.invite': z.object({ expiresAt: Timestamp }),
  'devices.parcel': z.object({ parcel: z.string().nullable() }),
  'devices.enrol': z.object({ revoked: z.number().int().nonnegative() }),
  'devices.rename': Done,
  'support.grant': z.object({
    grant: Grant,
    /** The server's key for support connections, as a line of OpenSSH's public keys: what `known_hosts` should hold. */
    hostKey: z.string().max(1000),
    /** For the supporter's client, told once: opens the relay, and is no key to the server. */
    token: z.string(),
  }),
  'support.list': z.object({ grants: z.array(Grant) }),
  'support.revoke': Grant,
  'support.recording': z.object({
    data: z.string().max(Math.ceil(transferPieceBytes / 3) * 4 + 4),
    bytes: z.number().int().nonnegative(),
    done: z.boolean(),
  }),
  'audit.list': z.object({ entries: z.array(AuditEntry), head: z.number().int().nonnegative() }),
  'instance.attest': z.object({
    /** JSON text of an AttestStatement: the very bytes that were signed. */
    statement: z.string().max(200_000),
    /** Ed25519 by the identity key, base64url; see packages/crypto signing. */
    signature: z.string(),
    identityPublicKey: PublicKey,
  }),
  'instance.eject': Done,
} as const satisfies Record<keyof typeof import('./owner-messages.ts').ownerCommands, z.ZodType>;
