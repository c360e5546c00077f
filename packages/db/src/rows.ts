import type {
  AuditEvent,
  Credential,
  Failure,
  Instance,
  InstanceEvent,
  MissingPermission,
  Operation,
  ProviderId,
  Receipt,
} from '@claw-cloud/contracts';

// Rows as the data endpoint gives them. Times differ in form between hosted and embedded, so they are always parsed.

export interface CredentialRow {
  id: string;
  provider: ProviderId;
  name: string;
  state: Credential['state'];
  account: Credential['account'];
  missing: MissingPermission[];
  failure: Failure | null;
  key_version: number | null;
  created_at: string;
  verified_at: string | null;
}
export const credentialColumns =
  'id,provider,name,state,account,missing,failure,key_version,created_at,verified_at' as const;

export interface InstanceRow {
  id: string;
  credential_id: string;
  provider: ProviderId;
  name: string;
  region: string;
  size: string;
  monthly_price: number | null;
  currency: string | null;
  state: Instance['state'];
  failure: Failure | null;
  agent_public_key: string | null;
  agent_version: string | null;
  openclaw_version: string | null;
  online: boolean;
  operation_id: string | null;
  created_at: string;
  ready_at: string | null;
  destroyed_at: string | null;
}
export const instanceColumns =
  'id,credential_id,provider,name,region,size,monthly_price,currency,state,failure,agent_public_key,agent_version,openclaw_version,online,operation_id,created_at,ready_at,destroyed_at' as const;

export interface OperationRow {
  id: string;
  instance_id: string;
  kind: Operation['kind'];
  state: Operation['state'];
  failure: Failure | null;
  attempt: number;
  receipt: Receipt | null;
  created_at: string;
  ended_at: string | null;
}
export const operationColumns =
  'id,instance_id,kind,state,failure,attempt,receipt,created_at,ended_at' as const;

export interface EventRow {
  seq: number;
  instance_id: string;
  operation_id: string | null;
  at: string;
  kind: InstanceEvent['kind'];
  data: Record<string, unknown>;
}
export const eventColumns = 'seq,instance_id,operation_id,at,kind,data' as const;

export interface AuditRow {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
  outcome: AuditEvent['outcome'];
  detail: Record<string, unknown>;
}
export const auditColumns = 'id,at,actor,action,target,outcome,detail' as const;

const time = (value: string): string => new Date(value).toISOString();
const timeOrNull = (value: string | null): string | null => (value === null ? null : time(value));

export const toCredential = (row: CredentialRow): Credential => ({
  id: row.id,
  provider: row.provider,
  name: row.name,
  state: row.state,
  account: row.account,
  missing: row.missing,
  failure: row.failure,
  keyVersion: row.key_version,
  createdAt: time(row.created_at),
  verifiedAt: timeOrNull(row.verified_at),
});

export const toInstance = (row: InstanceRow): Instance => ({
  id: row.id,
  credentialId: row.credential_id,
  provider: row.provider,
  name: row.name,
  region: row.region,
  size: row.size,
  monthlyPrice: row.monthly_price,
  currency: row.currency,
  state: row.state,
  failure: row.failure,
  agentPublicKey: row.agent_public_key,
  agentVersion: row.agent_version,
  openclawVersion: row.openclaw_version,
  online: row.online,
  operationId: row.operation_id,
  createdAt: time(row.created_at),
  readyAt: timeOrNull(row.ready_at),
  destroyedAt: timeOrNull(row.destroyed_at),
});

export const toOperation = (row: OperationRow): Operation => ({
  id: row.id,
  instanceId: row.instance_id,
  kind: row.kind,
  state: row.state,
  failure: row.failure,
  attempt: row.attempt,
  receipt: row.receipt,
  createdAt: time(row.created_at),
  endedAt: timeOrNull(row.ended_at),
});

export const toEvent = (row: EventRow): InstanceEvent => ({
  seq: row.seq,
  instanceId: row.instance_id,
  operationId: row.operation_id,
  at: time(row.at),
  kind: row.kind,
  data: row.data,
});

export const toAuditEvent = (row: AuditRow): AuditEvent => ({
  id: row.id,
  at: time(row.at),
  actor: row.actor,
  action: row.action,
  target: row.target,
  outcome: row.outcome,
  detail: row.detail,
});
