import type {
  AuditEvent,
  Credential,
  Drift,
  Failure,
  Instance,
  InstanceEvent,
  InstanceHealth,
  MissingPermission,
  Operation,
  ProviderId,
  Receipt,
  Stray,
  SupportGrantRecord,
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
  ejected_at: string | null;
  health: InstanceHealth | null;
  health_at: string | null;
  console_url: string | null;
  drift: Drift | null;
  retry_at: string | null;
}
export const instanceColumns =
  'id,credential_id,provider,name,region,size,monthly_price,currency,state,failure,agent_public_key,agent_version,openclaw_version,online,operation_id,created_at,ready_at,destroyed_at,ejected_at,health,health_at,console_url,drift,retry_at' as const;

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

export interface SupportGrantRow {
  id: string;
  instance_id: string;
  name: string;
  key_fingerprint: string;
  root: boolean;
  starts_at: string;
  ends_at: string;
  ended_at: string | null;
  ended_why: SupportGrantRecord['endedWhy'];
  connections: number;
}
export const supportGrantColumns =
  'id,instance_id,name,key_fingerprint,root,starts_at,ends_at,ended_at,ended_why,connections' as const;

export interface StrayRow {
  id: string;
  credential_id: string;
  kind: string;
  resource_id: string;
  name: string;
  tag: string;
  instance_id: string | null;
  created_at: string | null;
  seen_at: string;
  console_url: string | null;
  delete_asked_at: string | null;
  failure: Failure | null;
}
export const strayColumns =
  'id,credential_id,kind,resource_id,name,tag,instance_id,created_at,seen_at,console_url,delete_asked_at,failure' as const;

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
  ejectedAt: timeOrNull(row.ejected_at),
  health: row.health,
  healthAt: timeOrNull(row.health_at),
  consoleUrl: row.console_url,
  drift: row.drift,
  retryAt: timeOrNull(row.retry_at),
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

export const toSupportGrant = (row: SupportGrantRow): SupportGrantRecord => ({
  id: row.id,
  instanceId: row.instance_id,
  name: row.name,
  keyFingerprint: row.key_fingerprint,
  root: row.root,
  startsAt: time(row.starts_at),
  endsAt: time(row.ends_at),
  endedAt: timeOrNull(row.ended_at),
  endedWhy: row.ended_why,
  connections: row.connections,
});

export const toStray = (row: StrayRow): Stray => ({
  id: row.id,
  credentialId: row.credential_id,
  kind: row.kind,
  resourceId: row.resource_id,
  name: row.name,
  tag: row.tag,
  instanceId: row.instance_id,
  deletable: row.instance_id !== null,
  createdAt: timeOrNull(row.created_at),
  seenAt: time(row.seen_at),
  consoleUrl: row.console_url,
  deleteAskedAt: timeOrNull(row.delete_asked_at),
  failure: row.failure,
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
