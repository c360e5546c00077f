import type {
  AddCredential,
  AuditEvent,
  Catalogue,
  CloudAccount,
  Credential,
  DeployInstance,
  Drift,
  ErrorCode,
  Failure,
  Instance,
  InstanceEvent,
  InstanceHealth,
  InstanceState,
  IntakeKey,
  MissingPermission,
  OpenClawRelease,
  Operation,
  PowerWish,
  ProviderId,
  Receipt,
  RegisterInstance,
  ReportLine,
  ReportPhase,
  ResizeInstance,
  Rollout,
  RolloutStage,
  Sealed,
  Stray,
  SupportGrantRecord,
} from '@claw-cloud/contracts';

/** An encrypted secret as it is stored; the shape of `@claw-cloud/crypto/envelope`, opened only by the provisioner. */
export interface Envelope {
  readonly v: 1;
  readonly owner: string;
  readonly record: string;
  readonly field: string;
  /** Version of the key-encryption key. */
  readonly kek: number;
  readonly wrappedKey: string;
  readonly ciphertext: string;
}

/** A process of the engine: enough to know later whether it is still the same one. */
export interface EngineProcess {
  readonly host: string;
  readonly pid: number;
  /** When it was started, ISO 8601. */
  readonly startedAt: string;
}

export interface Deployment {
  readonly instance: Instance;
  readonly operation: Operation;
  /** False when the same request had been accepted before: nothing was made by this call. */
  readonly created: boolean;
}

/**
 * What one owner may do and see. Every call carries the owner's id (first fence) and a 60 s token of that owner, which
 * row-level security checks (second fence). What is missing or somebody else's raises `not_found`.
 */
export interface OwnerRepository {
  /** Makes the owner's row on first sight; a later call with an address updates it. */
  ensureOwner(email: string | null): Promise<void>;
  /** Idempotent for the same id, owner and content; anything else under that id raises `conflict`. */
  addCredential(input: AddCredential): Promise<{ credential: Credential; created: boolean }>;
  /** Newest first, at most 200. */
  listCredentials(): Promise<Credential[]>;
  getCredential(credentialId: string): Promise<Credential>;
  /** Erases the stored secret. Raises `credential_in_use` while an instance that is not destroyed needs it. */
  removeCredential(credentialId: string): Promise<void>;
  /** Raises `credential_not_ready`, `credential_rejected`. */
  getCatalogue(credentialId: string): Promise<Catalogue>;
  /**
   * Writes the intent: instance and operation in one transaction. Idempotent by the instance's id. Raises `conflict`,
   * `credential_not_ready`, `credential_rejected`.
   */
  deployInstance(input: DeployInstance, operationId: string): Promise<Deployment>;
  /**
   * Writes the intent to destroy; the operation that already does or did so is returned as it is. It takes the place of
   * whatever else is at work; only a deploy that a worker makes a server for right now must end first: `instance_busy`.
   */
  destroyInstance(instanceId: string, operationId: string): Promise<Operation>;
  /** What this owner's roles must ask for. */
  externalId(): Promise<string>;
  /**
   * Writes the intent to start, stop or reboot. Idempotent by the operation's id; the operation of that kind that is at
   * work is returned as it is. Raises `instance_busy` while another one is, and `conflict` in a state that it makes no
   * sense in: these are for what is ready or stopped.
   */
  powerInstance(instanceId: string, wish: PowerWish, operationId: string): Promise<Operation>;
  /** Writes the intent to change the size. Raises like `powerInstance`; another size than the one at work is busy too. */
  resizeInstance(instanceId: string, input: ResizeInstance, operationId: string): Promise<Operation>;
  /** Writes the intent to look for drift. Raises like `powerInstance`. */
  checkInstance(instanceId: string, operationId: string): Promise<Operation>;
  /** Writes the intent to bring back what has drifted. Raises like `powerInstance`. */
  repairInstance(instanceId: string, operationId: string): Promise<Operation>;
  /**
   * Writes the intent to move the instance to another ready credential of the same cloud: an operation of the kind
   * `check`, which succeeds when that one's account has the machine. For a credential that was replaced at the cloud;
   * possible for a failed instance too. Raises like `powerInstance`, and `credential_not_ready`, `credential_rejected`.
   */
  replaceCredential(instanceId: string, credentialId: string, operationId: string): Promise<Operation>;
  /** What sweeps found in the owner's accounts and no living instance owns; the latest seen first, at most 200. */
  listStrays(): Promise<Stray[]>;
  /** Writes the wish that a stray be deleted. Raises `not_found`, and `conflict` for one that no record binds. */
  deleteStray(strayId: string): Promise<Stray>;
  /** Those that are not destroyed first, then newest first; at most 200. */
  listInstances(): Promise<Instance[]>;
  getInstance(instanceId: string): Promise<Instance>;
  getOperation(operationId: string): Promise<Operation>;
  /** In order of seq, those after `afterSeq`, at most `limit` (1 to 500). */
  listEvents(instanceId: string, afterSeq: number, limit: number): Promise<InstanceEvent[]>;
  /** The receipt of the last finished destroy; `not_found` before there is one. */
  getReceipt(instanceId: string): Promise<Receipt>;
  /** Latest start first, at most 200. One whose time is over may not have been reported as ended yet. */
  listSupportGrants(instanceId: string): Promise<SupportGrantRecord[]>;
  /** Notes the outcome of a restart of the gateway in the audit log; `code` is null when it succeeded. */
  recordRestart(instanceId: string, code: ErrorCode | null): Promise<void>;
  /** Newest first, at most `limit` (1 to 200), older than the event with the id `before`. */
  listAudit(limit: number, before?: string): Promise<AuditEvent[]>;
  /** Records that something was refused: the refusal itself rolled everything else back. */
  recordDenied(action: string, target: string, detail: Record<string, unknown>): Promise<void>;
}

/** What a machine that calls home may do, and what the api notes about its tunnel. */
export interface MachineRepository {
  /**
   * Maps the phase to a state, appends a progress event; a failed phase fails the instance with `bootstrap_failed`.
   * Raises `registration_token_invalid`, `registration_wrong_instance`, `registration_replayed` (the token has been
   * used), `registration_token_expired`.
   */
  reportPhase(tokenHash: string, report: ReportPhase): Promise<void>;
  /** Consumes the token and stores the instance's public keys in one transaction; raises like `reportPhase`. */
  register(tokenHash: string, input: RegisterInstance): Promise<void>;
  /**
   * The Ed25519 key that signs tunnel challenges; null before registration, once a destroy was asked for, and after a
   * machine's goodbye.
   */
  identityKey(instanceId: string): Promise<string | null>;
  /** Notes that the tunnel ends at this api node; the epoch tells this tunnel from a later one. */
  attachTunnel(instanceId: string, node: string): Promise<number>;
  /** Does nothing when a later tunnel has taken over. */
  detachTunnel(instanceId: string, epoch: number): Promise<void>;
  /** After a restart of the api node: none of its tunnels lives any more. Returns how many were noted. */
  detachNode(node: string): Promise<number>;
  /** The api node where the tunnel ends, or null when there is none. */
  tunnel(instanceId: string): Promise<{ node: string; epoch: number } | null>;
  /** Idempotent; does nothing once a destroy was asked for. */
  markReady(instanceId: string, health: InstanceHealth): Promise<void>;
  /**
   * Writes the last heartbeats of many instances. Returns the ids of those whose row is held by somebody just now: they
   * were left out. Of what sends no heartbeats (any more) nothing is written.
   */
  recordHeartbeats(heartbeats: readonly Heartbeat[]): Promise<string[]>;
  /**
   * Takes what an instance says of itself, once per id. `identityPublicKey` is the key that its tunnel was proven by.
   * Raises `tunnel_key_unknown` when that isn't its key (any more) or the machine has said goodbye, `rate_limited` above
   * 2,000 a day.
   */
  report(instanceId: string, identityPublicKey: string, line: Omit<ReportLine, 'n'>): Promise<void>;
  /** Raises `grant_unknown`, `grant_token_invalid`, `grant_ended`; notes both decisions in the owner's audit log. */
  openSupport(grantId: string, tokenHash: string): Promise<{ instanceId: string }>;
  closeSupport(grantId: string, detail: Record<string, unknown>): Promise<void>;
  /** The releases that are offered, each to the instances of its stage; the latest rollout first, at most 20. */
  channel(): Promise<ChannelEntry[]>;
  countTraffic(
    instanceId: string,
    traffic: { messages: number; bytesUp: number; bytesDown: number },
  ): Promise<void>;
}

export interface Heartbeat {
  readonly instanceId: string;
  readonly health: InstanceHealth;
  /** How long ago it came. */
  readonly ageMs: number;
}

export interface ChannelEntry {
  readonly release: OpenClawRelease;
  readonly stage: RolloutStage;
}

/** A rollout with what its next step is decided by. */
export interface RolloutProgress extends Omit<Rollout, 'succeeded' | 'failed'> {
  /** True where an update succeeded, in the order in which they came; the latest 20,000. */
  readonly outcomes: readonly boolean[];
  readonly stageSucceeded: number;
  readonly stageFailed: number;
  /** Instances that an offer can reach. */
  readonly fleet: number;
}

export interface Lease {
  /** Every later call of the holder names it; a higher one exists once somebody else took over. */
  readonly epoch: number;
  readonly operation: Operation;
  readonly instance: Instance;
  /** What the owner was shown in the form of a deploy or a resize; else null. */
  readonly expectedMonthlyPrice: number | null;
  /** The size that a resize shall end in; else null. */
  readonly wishedSize: string | null;
  /** True when the credential is another one than the instance's: it is to be tried, and taken when it fits. */
  readonly newCredential: boolean;
  /** What the instance was before an operation that it goes back from; null for deploys and destroys. */
  readonly stateBefore: InstanceState | null;
  /** Of the instance's size in its region, as last listed; null when it isn't known. */
  readonly hourlyPrice: number | null;
  readonly credential: {
    readonly id: string;
    readonly ownerId: string;
    /** What the owner's roles ask for. */
    readonly externalId: string;
    readonly provider: ProviderId;
    readonly envelope: Envelope;
  };
  readonly enrolment: Sealed | null;
  readonly stackSecret: Envelope | null;
  /** What an earlier holder had started and never reported the end of. */
  readonly engineProcess: EngineProcess | null;
}

export interface OperationResult {
  readonly state: 'succeeded' | 'failed';
  readonly failure: Failure | null;
  readonly receipt: Receipt | null;
  readonly instanceState: InstanceState;
  readonly size?: string;
  readonly monthlyPrice?: number;
  readonly currency?: string;
  readonly consoleUrl?: string;
  readonly drift?: Drift;
  /** The instance moves to this credential. */
  readonly credentialId?: string;
  /** When a failure that may have left something is tried again; @default 5 minutes to 6 hours, for 3 days */
  readonly retry?: RetryPauses;
}

/** A destroy that failed is tried again by itself: after the first pause, then after twice the last one. */
export interface RetryPauses {
  readonly firstMs: number;
  readonly longestMs: number;
  /** From the first failure on; after that it is left to its owner. */
  readonly forMs: number;
}

/** A stray whose deletion was asked for and that is bound by a record. */
export interface ClaimedStray {
  readonly id: string;
  readonly credentialId: string;
  readonly kind: string;
  readonly resourceId: string;
  readonly region: string | null;
  readonly name: string;
  readonly tag: string;
}

/** Something with a tag of the product, as a sweep found it. */
export interface FoundResource {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly region: string | null;
  readonly createdAt: string | null;
  readonly consoleUrl: string | null;
}

export interface VerificationResult {
  readonly state: 'ready' | 'rejected';
  readonly account: CloudAccount | null;
  readonly missing: MissingPermission[];
  readonly failure: Failure | null;
  /** Required when ready. */
  readonly envelope: Envelope | null;
  readonly catalogue: Catalogue | null;
}

/** What the private worker does. Calls that name an epoch raise `lease_lost` when it isn't the current one. */
export interface ProvisionerRepository {
  /** Makes the key the newest one; idempotent. */
  publishIntakeKey(key: IntakeKey): Promise<void>;
  /** The newest; raises `unavailable` before one was published. */
  intakeKey(): Promise<IntakeKey>;
  /**
   * What should be in the queue: unverified credentials, operations queued or with an expired lease, strays to be
   * deleted; 100 of each.
   */
  pendingWork(): Promise<{
    credentials: string[];
    operations: { id: string; epoch: number }[];
    strays: string[];
  }>;
  /** Null when somebody else holds it or the operation has ended. `ttlMs`: 1 s to 1 h. */
  acquireLease(operationId: string, holder: string, ttlMs: number): Promise<Lease | null>;
  renewLease(operationId: string, epoch: number, ttlMs: number): Promise<void>;
  /** Lets the next holder in at once; the operation stays to be done. */
  releaseLease(operationId: string, epoch: number): Promise<void>;
  /**
   * Lets go of the operation until the cloud answers again, at most a day; for growing pauses from 10 s on where it
   * doesn't say when. The message is told to the owner. False when it was postponed `most` times already.
   */
  postponeOperation(
    operationId: string,
    epoch: number,
    until: Date | null,
    message: string,
    most: number,
  ): Promise<boolean>;
  recordEngineProcess(operationId: string, epoch: number, process: EngineProcess | null): Promise<void>;
  /** Never goes back in the order of a deploy: the machine may have reported a later state already. */
  setState(operationId: string, epoch: number, state: InstanceState): Promise<void>;
  /** Returns the event's seq. */
  appendEvent(
    operationId: string,
    epoch: number,
    kind: InstanceEvent['kind'],
    data: Record<string, unknown>,
  ): Promise<number>;
  /** Once per instance: another one under the same instance raises `conflict`. */
  storeStackSecret(operationId: string, epoch: number, envelope: Envelope): Promise<void>;
  /**
   * Adds a one-time token of the instance. Those of earlier attempts stay valid until one of them is used, so a machine
   * made just before a crash can still call home. At most 20 per instance.
   */
  storeRegistration(operationId: string, epoch: number, tokenHash: string, expiresAt: string): Promise<void>;
  eraseEnrolment(operationId: string, epoch: number): Promise<void>;
  finishOperation(operationId: string, epoch: number, result: OperationResult): Promise<void>;
  /** Null when there is nothing to verify (done before, or removed). */
  credentialForVerification(credentialId: string): Promise<{
    id: string;
    ownerId: string;
    externalId: string;
    provider: ProviderId;
    sealed: Sealed;
  } | null>;
  /** Erases the sealed blob. Does nothing when it was finished or removed before. */
  finishVerification(credentialId: string, result: VerificationResult): Promise<void>;
  /** Replaces prices and availability of a ready credential. */
  storeCatalogue(credentialId: string, catalogue: Catalogue): Promise<void>;
  /** Credentials whose catalogue is older than this, at most 100. */
  staleCatalogues(olderThanMs: number): Promise<string[]>;
  /** A ready credential's envelope, for work outside an operation; null when there is none. */
  credentialEnvelope(credentialId: string): Promise<{
    id: string;
    ownerId: string;
    externalId: string;
    provider: ProviderId;
    envelope: Envelope;
  } | null>;
  /** Destroys once more what is due, at most 20; what is left of a failed deploy is only cleared. */
  retryDestroys(): Promise<{ id: string; operationId: string }[]>;
  /** Ready credentials whose account was not looked through for longer: given to nobody else for as long. */
  claimSweeps(olderThanMs: number, limit: number): Promise<string[]>;
  /** Replaces what is known of a credential's strays by what a sweep found; returns how many strays there are. */
  recordTagged(credentialId: string, found: readonly FoundResource[]): Promise<number>;
  /** Null when there is nothing to delete, or somebody else does. `ttlMs`: 1 s to 1 h. */
  claimStray(strayId: string, ttlMs: number): Promise<ClaimedStray | null>;
  /** Null as the failure: it is gone. */
  finishStray(strayId: string, failure: Failure | null): Promise<void>;
  /** Fails with `boot_timeout` what has been booting for longer; returns those instances' ids. */
  expireBoots(olderThanMs: number): Promise<string[]>;
  /** Envelopes of credentials (`crd_…`) and of stack secrets (`ins_…`) in order of id, those after `afterId`. */
  listEnvelopes(afterId: string | null, limit: number): Promise<{ id: string; envelope: Envelope }[]>;
  /** False when its key-encryption key is no longer `oldKek`: somebody else was first. */
  replaceEnvelope(id: string, oldKek: number, envelope: Envelope): Promise<boolean>;
  /**
   * Makes a release known and starts its rollout at this stage. False when it was known: then only its changelog is
   * replaced. Raises `conflict` when it is known with another integrity.
   */
  publishRelease(release: OpenClawRelease, stage: RolloutStage): Promise<boolean>;
  /** The latest first, at most 20. */
  rollouts(which: 'running' | 'all'): Promise<RolloutProgress[]>;
  /** False when it is not where the caller saw it any more: somebody else was first. */
  moveRollout(
    version: string,
    from: Pick<Rollout, 'state' | 'stage'>,
    to: Pick<Rollout, 'state' | 'stage' | 'reason'>,
  ): Promise<boolean>;
  appendAudit(event: NewAuditEvent): Promise<void>;
}

export interface NewAuditEvent {
  /** In whose audit log it is shown. */
  readonly ownerId: string;
  /** Who acted: an owner's id, or e.g. `provisioner`. */
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: AuditEvent['outcome'];
  readonly detail: Record<string, unknown>;
}

/** The product's tables, the same behind hosted Supabase and the embedded database. */
export interface Database {
  /** `requestId` is written to the audit rows of what the owner changes. */
  owner(ownerId: string, requestId?: string): OwnerRepository;
  readonly machine: MachineRepository;
  readonly provisioner: ProvisionerRepository;
  /** Raises `unavailable` when the database doesn't answer. */
  ping(): Promise<void>;
}

export interface DatabaseConfig {
  /** Where Supabase or its embedded stand-in answers, e.g. http://127.0.0.1:54321. */
  readonly url: string;
  readonly secretKey: string;
  readonly publishableKey: string;
  /** Signs the owners' 60 s tokens (HS256). */
  readonly jwtSecret: string;
  /** Of one request. @default 10000 */
  readonly timeoutMs?: number;
  /** Replaces the platform's fetch, e.g. to count requests. */
  readonly fetch?: typeof fetch;
}
