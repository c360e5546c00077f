import { z } from 'zod';
import { Base64Url, PublicKey } from './common.ts';
import { BackupId, GrantId } from './ids.ts';

/**
 * Inside the owner channel every message is JSON text of one of these shapes.
 *
 * `gateway` frames are OpenClaw's gateway protocol v4, unchanged, both ways; the agent answers `connect`
 * itself (it signs in with its own device identity) and passes everything else through.
 * `owner` frames are commands to the agent that only an owner may give.
 */
export const OwnerFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('gateway'), frame: z.record(z.string(), z.unknown()) }),
  z.object({
    type: z.literal('gateway.status'),
    status: z.enum(['connected', 'disconnected']),
    hello: z.record(z.string(), z.unknown()).optional(),
    reason: z.string().optional(),
  }),
  z.object({
    type: z.literal('command'),
    id: z.string().max(64),
    name: z.string().max(64),
    params: z.record(z.string(), z.unknown()),
  }),
  /** How far a long command is; any number of them before its result. */
  z.object({
    type: z.literal('progress'),
    id: z.string().max(64),
    step: z.string().max(60),
    message: z.string().max(500),
    fraction: z.number().min(0).max(1).optional(),
  }),
  /** The agent's channel key has changed: pin this one; said over a channel that proved the former. */
  z.object({ type: z.literal('agent.key'), publicKey: PublicKey }),
  /** What an owner should hear at once, on every open channel. */
  z.object({
    type: z.literal('notice'),
    notice: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('grant_ending'), grantId: GrantId, name: z.string(), endsAt: z.string() }),
      z.object({
        kind: z.literal('grant_ended'),
        grantId: GrantId,
        name: z.string(),
        why: z.enum(['expired', 'revoked', 'rebooted']),
      }),
      z.object({ kind: z.literal('grant_session'), grantId: GrantId, name: z.string() }),
      z.object({ kind: z.literal('gateway_restarted'), reason: z.string().max(60) }),
      z.object({ kind: z.literal('device_added'), name: z.string(), publicKey: PublicKey }),
      z.object({ kind: z.literal('update_offered'), version: z.string() }),
    ]),
  }),
  z.object({ type: z.literal('result'), id: z.string().max(64), ok: z.literal(true), value: z.unknown() }),
  z.object({
    type: z.literal('error'),
    id: z.string().max(64),
    ok: z.literal(false),
    error: z.object({ code: z.string(), message: z.string(), fix: z.string() }),
  }),
]);
export type OwnerFrame = z.infer<typeof OwnerFrame>;

const OpenClawVersion = z
  .string()
  .regex(/^\d{4}\.\d{1,2}\.\d{1,3}(-[a-z0-9.]{1,20})?$/, 'must be an exact version, like 2026.9.6');
/** One line of an OpenSSH public key: type, base64, and a comment perhaps. */
export const SshPublicKey = z
  .string()
  .trim()
  .max(4000)
  .regex(
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+={0,3}( [^\r\n]{0,200})?$/,
    'must be one line of an OpenSSH public key, like ssh-ed25519 AAAA…',
  );

export const supportMinutes = { least: 15, most: 24 * 60, askTwiceAbove: 4 * 60 } as const;
/** One piece of a file in a command or its answer, before base64. */
export const transferPieceBytes = 384 * 1024;
const Piece = z.string().max(Math.ceil(transferPieceBytes / 3) * 4 + 4);
const nothing = z.object({});

/** Commands an owner may give the agent; what each answers is in owner-results.ts under the same name. */
export const ownerCommands = {
  // models
  /** Stores a model provider's key on the instance and makes its model the default. */
  'model.set': z.object({
    provider: z.enum(['openai', 'anthropic', 'custom']),
    apiKey: z.string().min(1).max(500),
    /** The model's id at the provider; the provider's default of the agent when absent. */
    model: z.string().max(120).optional(),
    /** Only for `custom`: an OpenAI-compatible endpoint. */
    baseUrl: z.url().max(300).optional(),
  }),
  'model.get': nothing,
  /** Every provider that has a key here, never the key. */
  'model.list': nothing,
  /** A real, small call to the provider. */
  'model.test': z.object({ provider: z.string().min(1).max(60) }),
  'model.remove': z.object({ provider: z.string().min(1).max(60) }),
  // the running assistant
  'instance.health': nothing,
  'gateway.restart': nothing,
  'logs.tail': z.object({
    source: z.enum(['gateway', 'agent', 'bootstrap', 'security']),
    lines: z.number().int().min(1).max(1000).default(200),
  }),
  'config.get': nothing,
  'config.schema': z.object({ path: z.string().max(200).optional() }),
  /** A merge patch over OpenClaw's configuration; null takes a key out. `baseHash` as `config.get` said. */
  'config.set': z.object({ baseHash: z.string().max(200), patch: z.record(z.string(), z.unknown()) }),
  // updates of OpenClaw
  'updates.get': nothing,
  /** Confirmed by the owner: `version` as offered, or any exact one. Progress frames until the result. */
  'updates.apply': z.object({ version: OpenClawVersion }),
  'updates.rollback': nothing,
  /** Stay at this version until told otherwise; null ends it. */
  'updates.pin': z.object({ version: OpenClawVersion.nullable() }),
  /** Ask again later. */
  'updates.snooze': z.object({ days: z.number().int().min(1).max(90) }),
  // the agent itself
  'agent.update': z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), version: z.string().max(40) }),
  /** New identity and channel keys; the old channel key is still answered to for thirty days. */
  'keys.rotate': nothing,
  // backups, encrypted on the instance to the given X25519 key (the owner's device or recovery key)
  'backup.create': z.object({ recipients: z.array(PublicKey).min(1).max(10) }),
  'backup.list': nothing,
  'backup.read': z.object({ backupId: BackupId, offset: z.number().int().nonnegative() }),
  'backup.delete': z.object({ backupId: BackupId }),
  /** A decrypted backup comes back in pieces; `restore.apply` checks its digest and puts it in place. */
  'restore.begin': z.object({
    bytes: z
      .number()
      .int()
      .positive()
      .max(4 * 1024 ** 3),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  'restore.piece': z.object({ offset: z.number().int().nonnegative(), data: Piece }),
  'restore.apply': nothing,
  // devices
  'devices.list': nothing,
  'devices.revoke': z.object({ publicKey: PublicKey }),
  /** Lets one more device in, by a secret that both devices derive from the code shown on this one. */
  'devices.invite': z.object({
    inviteId: z.string().regex(/^[A-Za-z0-9_-]{11,22}$/),
    secret: PublicKey,
    minutes: z.number().int().min(1).max(30).default(10),
    /** For the invited device, sealed by the code: the server hands it over unread. */
    parcel: Base64Url.max(2000).optional(),
  }),
  /** What the inviting device left for the one that asks; kept for some minutes. */
  'devices.parcel': nothing,
  /** Only over a channel that the recovery code opened: a new device, in place of all others where that is wished. */
  'devices.enrol': z.object({
    publicKey: PublicKey,
    name: z.string().trim().min(1).max(64),
    revokeOthers: z.boolean().default(false),
  }),
  'devices.rename': z.object({ publicKey: PublicKey, name: z.string().trim().min(1).max(64) }),
  // support access
  'support.grant': z.object({
    name: z.string().trim().min(1).max(60),
    publicKey: SshPublicKey,
    minutes: z.number().int().min(supportMinutes.least).max(supportMinutes.most),
    /** Root on this server, instead of a user that may look at logs and status. */
    root: z.boolean().default(false),
    /** Said again for more than four hours. */
    confirmLong: z.boolean().default(false),
  }),
  'support.list': nothing,
  'support.revoke': z.object({ grantId: GrantId }),
  'support.recording': z.object({
    grantId: GrantId,
    session: z.string().regex(/^[0-9a-z-]{1,60}$/),
    offset: z.number().int().nonnegative(),
  }),
  /** The instance's own record, which the control plane can't alter: a hash chain. */
  'audit.list': z.object({
    after: z.number().int().nonnegative().default(0),
    limit: z.number().int().min(1).max(500).default(200),
  }),
  // the machine as a whole
  'instance.attest': z.object({ nonce: PublicKey }),
  /** Gives the machine to its owner for good: SSH with this key, no agent, no firewall of ours. */
  'instance.eject': z.object({ publicKey: SshPublicKey, confirm: z.literal('eject') }),
} as const;
export type OwnerCommandName = keyof typeof ownerCommands;

/** The WebSocket subprotocols: of the owner channel through the api, and of an instance's tunnel. */
export const ownerChannelProtocol = 'claw.owner.v1';
export const tunnelProtocol = 'claw.tunnel.v1';
/** A browser can't set headers on a WebSocket: the session token rides as a second subprotocol with this prefix. */
export const bearerProtocolPrefix = 'bearer.';
/** One WebSocket message of the owner channel through the relay is at most this long. */
export const relayMessageLimitBytes = 1024 * 1024;

/** Close codes of both WebSockets. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  tooLarge: 1009,
  internal: 1011,
  unauthenticated: 4401,
  notFound: 4404,
  offline: 4503,
  refused: 4403,
  replaced: 4409,
} as const;
