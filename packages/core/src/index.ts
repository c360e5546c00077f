import type {
  AuditEvent,
  Catalogue,
  Credential,
  Instance,
  InstanceEvent,
  IntakeKey,
  Operation,
  Receipt,
} from '@claw-cloud/contracts';
import type { Deployment } from '@claw-cloud/db';
import type { MachineContext, OwnerContext, VerbContext } from './context.ts';

export type * from './context.ts';

type OwnerVerb<Result> = (context: OwnerContext, input: unknown) => Promise<Result>;

// Inputs are unknown on purpose: each verb parses its own and raises `invalid_request` with the issues.
/** {id, provider, name, sealed} */
export declare const addCredential: OwnerVerb<{ credential: Credential; created: boolean }>;
export declare const listCredentials: (context: OwnerContext) => Promise<Credential[]>;
/** {credentialId} */
export declare const getCredential: OwnerVerb<Credential>;
/** {credentialId} */
export declare const removeCredential: OwnerVerb<void>;
/** {credentialId} */
export declare const getCatalogue: OwnerVerb<Catalogue>;
/** DeployInstance of contracts */
export declare const deployInstance: OwnerVerb<Deployment>;
/** {instanceId} */
export declare const destroyInstance: OwnerVerb<Operation>;
export declare const listInstances: (context: OwnerContext) => Promise<Instance[]>;
/** {instanceId} */
export declare const getInstance: OwnerVerb<Instance>;
/** {operationId} */
export declare const getOperation: OwnerVerb<Operation>;
/** {instanceId, afterSeq?: number or decimal text, limit?}; nonsense as afterSeq raises `event_id_invalid` */
export declare const readEvents: OwnerVerb<InstanceEvent[]>;
/** {instanceId} */
export declare const getReceipt: OwnerVerb<Receipt>;
/** {limit?, before?: id of an audit event} */
export declare const listAuditEvents: OwnerVerb<AuditEvent[]>;
export declare const getIntakeKey: (context: OwnerContext) => Promise<IntakeKey>;
/** Called once per sign-in or request: makes the owner's row. */
export declare const ensureOwner: (context: OwnerContext) => Promise<void>;
/** ReportPhase of contracts */
export declare const reportPhase: (context: MachineContext, input: unknown) => Promise<void>;
/** RegisterInstance of contracts */
export declare const registerInstance: (context: MachineContext, input: unknown) => Promise<void>;
/** {instanceId, node}; the api has checked the signature of the challenge before */
export declare const openTunnel: (context: VerbContext, input: unknown) => Promise<{ epoch: number }>;
/** {instanceId, epoch} */
export declare const closeTunnel: (context: VerbContext, input: unknown) => Promise<void>;
/** {instanceId, health: InstanceHealth} */
export declare const markReady: (context: VerbContext, input: unknown) => Promise<void>;
