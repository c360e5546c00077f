import { z } from 'zod';
import { Name, ProviderId, PublicKey, Sealed, Timestamp } from './common.ts';
import { Failure } from './errors.ts';
import { CredentialId, InstanceId, OperationId } from './ids.ts';

export const InstanceState = z.enum([
  'queued',
  'preflight',
  'creating',
  'booting',
  'installing',
  'registering',
  'ready',
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
});
export type Receipt = z.infer<typeof Receipt>;

export const OperationKind = z.enum(['deploy', 'destroy']);
export const OperationState = z.enum(['queued', 'running', 'succeeded', 'failed']);
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
  kind: z.enum(['state', 'progress', 'resource', 'log', 'failure', 'receipt', 'tunnel']),
  /**
   * state: {state}; progress: {phase, step, message, fraction?}; resource: {op, kind, name, status};
   * log: {line}; failure: Failure; receipt: Receipt; tunnel: {online}.
   */
  data: z.record(z.string(), z.unknown()),
});
export type InstanceEvent = z.infer<typeof InstanceEvent>;
