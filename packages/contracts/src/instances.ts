import { z } from 'zod';
import { Name, ProviderId, PublicKey, Sealed, Timestamp } from './common.ts';
import { Failure } from './errors.ts';
import { InstanceHealth } from './health.ts';
import { CredentialId, InstanceId, OperationId, StrayId } from './ids.ts';

export const InstanceState = z.enum([
  'queued',
  'preflight',
  'creating',
  'booting',
  'installing',
  'registering',
  'ready',
  'stopping',
  'stopped',
  'starting',
  'rebooting',
  'resizing',
  'repairing',
  'failed',
  'destroying',
  'destroyed',
]);
export type InstanceState = z.infer<typeof InstanceState>;

/** The states of a deploy in their order. */
export const deployStates = [
  'queued',
  'preflight',
  'creating',
  'booting',
  'installing',
  'registering',
  'ready',
] as const;

/** What the browser seals for the provisioner at deploy time: it travels on in user-data, unseen by the api. */
export const OwnerEnrolment = z.object({
  devicePublicKey: PublicKey,
  deviceName: z.string().max(80),
  recoveryPublicKey: PublicKey,
  pairingSecret: PublicKey,
  /** Derived from the recovery code: proves the agent to whoever recovers. Servers of before have none. */
  recoverySecret: PublicKey.optional(),
});
export type OwnerEnrolment = z.infer<typeof OwnerEnrolment>;

export const sealedEnrolmentContext = (ownerId: string, instanceId: string) => ({
  purpose: 'enrolment',
  ownerId,
  instanceId,
});

export const DeployInstance = z.object({
  id: InstanceId,
  credentialId: CredentialId,
  name: Name,
  region: z.string().min(1).max(60),
  size: z.string().min(1).max(60),
  /** What the form showed, in the cloud's currency: preflight refuses when it has changed. */
  expectedMonthlyPrice: z.number().nonnegative().max(1e6),
  enrolment: Sealed,
});
export type DeployInstance = z.infer<typeof DeployInstance>;

/** One thing in the cloud that is not as the product made it. */
export const DriftItem = z.object({
  kind: z.string().max(40),
  id: z.string().max(200).nullable(),
  name: z.string().max(200),
  what: z.enum(['missing', 'changed']),
  /** The properties that differ, in the cloud's words; a value that is a secret is not shown. */
  changes: z
    .array(
      z.object({
        property: z.string().max(200),
        expected: z.string().max(500).nullable(),
        found: z.string().max(500).nullable(),
      }),
    )
    .max(50),
  /** False for what can't be made again without its data: a server that is gone. */
  repairable: z.boolean(),
  /** What a repair does, or what to do where there is none. */
  fix: z.string().max(500),
});
export type DriftItem = z.infer<typeof DriftItem>;

/** How the cloud differs from what was made, as last looked at; no items when it doesn't. */
export const Drift = z.object({ checkedAt: Timestamp, items: z.array(DriftItem).max(100) });
export type Drift = z.infer<typeof Drift>;

export const Instance = z.object({
  id: InstanceId,
  credentialId: CredentialId,
  provider: ProviderId,
  name: z.string(),
  region: z.string(),
  size: z.string(),
  monthlyPrice: z.number().nullable(),
  currency: z.string().nullable(),
  state: InstanceState,
  failure: Failure.nullable(),
  /** The agent's X25519 key as it registered: proven, not believed, by the first pairing. */
  agentPublicKey: PublicKey.nullable(),
  agentVersion: z.string().nullable(),
  openclawVersion: z.string().nullable(),
  online: z.boolean(),
  operationId: OperationId.nullable(),
  createdAt: Timestamp,
  readyAt: Timestamp.nullable(),
  destroyedAt: Timestamp.nullable(),
  /** When the machine said goodbye and became its owner's alone: no tunnel any more; destroying it still works. */
  ejectedAt: Timestamp.nullable().default(null),
  /** The server in the cloud's console; null until it is made. */
  consoleUrl: z.string().max(500).nullable().default(null),
  /** Null when nobody has looked yet. */
  drift: Drift.nullable().default(null),
  /** When a destroy that did not finish is tried again by itself; null when none is. */
  retryAt: Timestamp.nullable().default(null),
  /** The last heartbeat and when it came; null before the first. */
  health: InstanceHealth.nullable().default(null),
  healthAt: Timestamp.nullable().default(null),
});
export type Instance = z.infer<typeof Instance>;

export const ReceiptEntry = z.object({
  kind: z.string(),
  id: z.string(),
  name: z.string(),
  at: Timestamp.nullable(),
});
export type ReceiptEntry = z.infer<typeof ReceiptEntry>;

/** What an instance's life made in the cloud, what was deleted, and what a listing by tag still finds. */
export const Receipt = z.object({
  instanceId: InstanceId,
  made: z.array(ReceiptEntry),
  deleted: z.array(ReceiptEntry),
  left: z.array(ReceiptEntry),
  listedAt: Timestamp,
  /** What the server has cost, as far as times and list price tell; null for receipts of before and unknown prices. */
  cost: z
    .object({
      amount: z.number(),
      currency: z.string().length(3),
      hours: z.number(),
      /** What the amount rests on, and what it leaves out. */
      basis: z.string().max(500),
    })
    .nullable()
    .default(null),
});
export type Receipt = z.infer<typeof Receipt>;

export const OperationKind = z.enum([
  'deploy',
  'destroy',
  'start',
  'stop',
  'reboot',
  'resize',
  /** Looks for drift and changes nothing. */
  'check',
  /** Brings what has drifted back to what was made. */
  'repair',
]);
export type OperationKind = z.infer<typeof OperationKind>;
export const OperationState = z.enum(['queued', 'running', 'succeeded', 'failed']);
/** Changes the power of a server: how the cloud is asked, in order. */
export const PowerWish = z.enum(['start', 'stop', 'reboot']);
export type PowerWish = z.infer<typeof PowerWish>;

export const ResizeInstance = z.object({
  size: z.string().min(1).max(60),
  /** What the form showed, in the cloud's currency. */
  expectedMonthlyPrice: z.number().nonnegative().max(1e6),
});
export type ResizeInstance = z.infer<typeof ResizeInstance>;

/** Another credential of the same cloud and account, for one that was replaced at the cloud. */
export const ReplaceCredential = z.object({ credentialId: CredentialId });
export type ReplaceCredential = z.infer<typeof ReplaceCredential>;

/**
 * Something with the product's tag that a sweep found in an owner's cloud account and that belongs to no living
 * instance of that account.
 */
export const Stray = z.object({
  id: StrayId,
  credentialId: CredentialId,
  kind: z.string().max(40),
  resourceId: z.string().max(200),
  name: z.string().max(200),
  tag: z.string().max(200),
  /** The destroyed instance that the tag names; null when no record binds it: then it is only shown. */
  instanceId: InstanceId.nullable(),
  /** True when an exact record binds it, so that it may be deleted on request. */
  deletable: z.boolean(),
  createdAt: Timestamp.nullable(),
  seenAt: Timestamp,
  consoleUrl: z.string().max(500).nullable(),
  /** When its owner asked for its deletion; null when nobody did. It is gone from the list once it is deleted. */
  deleteAskedAt: Timestamp.nullable().default(null),
  /** Why the last try to delete it did not succeed. */
  failure: Failure.nullable().default(null),
});
export type Stray = z.infer<typeof Stray>;

export const Operation = z.object({
  id: OperationId,
  instanceId: InstanceId,
  kind: OperationKind,
  state: OperationState,
  failure: Failure.nullable(),
  attempt: z.number().int(),
  receipt: Receipt.nullable(),
  createdAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
export type Operation = z.infer<typeof Operation>;

/** A step of an instance's life as shown to its owner. seq is per instance, without gaps, from 1. */
export const InstanceEvent = z.object({
  seq: z.number().int().positive(),
  instanceId: InstanceId,
  operationId: OperationId.nullable(),
  at: Timestamp,
  kind: z.enum(['state', 'progress', 'resource', 'log', 'failure', 'receipt', 'tunnel', 'machine']),
  /**
   * state: {state}; progress: {phase, step, message, fraction?}; resource: {op, kind, name, status};
   * log: {line}; failure: Failure; receipt: Receipt; tunnel: {online};
   * machine: an InstanceReport that is no heartbeat.
   */
  data: z.record(z.string(), z.unknown()),
});
export type InstanceEvent = z.infer<typeof InstanceEvent>;
