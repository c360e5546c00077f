import {
  type AddCredential,
  type Catalogue,
  type Credential,
  type DeployInstance,
  type InstanceReport,
  newId,
  type OpenClawRelease,
  type Receipt,
  type ReportLine,
  type Stray,
  type SupportGrant,
} from '@claw-cloud/contracts';
import type { Database, Deployment, Envelope, FoundResource, Lease } from '../types.ts';

/** 43 characters that differ from test to test: the form of a public key, of a token and of its hash. */
export const key43 = (): string =>
  (newId('grant') + newId('grant')).replaceAll('grt_', '').padEnd(43, 'A').slice(0, 43);

export const newOwnerId = (): string => `user_${newId('grant').slice(4)}`;

export const sampleEnvelope = (owner: string, record: string, field = 'secret', kek = 1): Envelope => ({
  v: 1,
  owner,
  record,
  field,
  kek,
  wrappedKey: key43(),
  ciphertext: key43(),
});

/** Regions `here` and `there`; sizes `good` (both), `tiny` (too little memory), `far` (only `there`). */
export const sampleCatalogue: Catalogue = {
  provider: 'sandbox',
  currency: 'EUR',
  regions: [
    { id: 'here', name: 'Here', country: 'DE', city: 'Berlin' },
    { id: 'there', name: 'There', country: 'FI', city: 'Helsinki' },
  ],
  sizes: [
    sampleSize('good', 4096, ['here', 'there']),
    sampleSize('tiny', 1024, ['here']),
    sampleSize('far', 8192, ['there']),
  ],
  image: 'debian-12',
  fetchedAt: '2026-01-01T00:00:00.000Z',
};

function sampleSize(id: string, memoryMb: number, regions: string[]): Catalogue['sizes'][number] {
  return {
    id,
    name: id,
    cpus: 2,
    memoryMb,
    diskGb: 40,
    architecture: 'x86',
    small: memoryMb < 4000,
    offers: regions.map((region) => ({ region, available: true, monthly: 4.5, hourly: 0.006 })),
  };
}

export const credentialInput = (changes: Partial<AddCredential> = {}): AddCredential => ({
  id: newId('credential'),
  provider: 'sandbox',
  name: 'My cloud',
  sealed: { kid: 'kid-1', box: key43() },
  ...changes,
});

export const deployInput = (credentialId: string, changes: Partial<DeployInstance> = {}): DeployInstance => ({
  id: newId('instance'),
  credentialId,
  name: 'My claw',
  region: 'here',
  size: 'good',
  expectedMonthlyPrice: 4.5,
  enrolment: { kid: 'kid-1', box: key43() },
  ...changes,
});

/** A credential that the provisioner has found good. */
export async function readyCredential(db: Database, ownerId: string): Promise<Credential> {
  const { credential } = await db.owner(ownerId).addCredential(credentialInput());
  await db.provisioner.finishVerification(credential.id, {
    state: 'ready',
    account: { label: 'Sandbox project' },
    missing: [],
    failure: null,
    envelope: sampleEnvelope(ownerId, credential.id),
    catalogue: sampleCatalogue,
  });
  return db.owner(ownerId).getCredential(credential.id);
}

/** A deploy that was asked for, with a credential of its own. */
export async function askedDeploy(
  db: Database,
  ownerId = newOwnerId(),
): Promise<Deployment & { ownerId: string }> {
  const credential = await readyCredential(db, ownerId);
  const asked = await db.owner(ownerId).deployInstance(deployInput(credential.id), newId('operation'));
  return { ...asked, ownerId };
}

/** A deploy whose operation has ended well: the machine is booting and holds the token. */
export async function bootingInstance(db: Database, ownerId = newOwnerId(), tokenHash = key43()) {
  const { instance, operation } = await askedDeploy(db, ownerId);
  const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
  await db.provisioner.setState(operation.id, epoch, 'preflight');
  await db.provisioner.setState(operation.id, epoch, 'creating');
  await db.provisioner.storeRegistration(operation.id, epoch, tokenHash, inOneHour());
  await db.provisioner.finishOperation(operation.id, epoch, {
    state: 'succeeded',
    failure: null,
    receipt: null,
    instanceState: 'booting',
  });
  return { ownerId, instance, operation, tokenHash };
}

/** An instance that has registered its keys and answers. */
export async function readyInstance(db: Database, ownerId = newOwnerId()) {
  const booting = await bootingInstance(db, ownerId);
  const registration = registrationOf(booting.instance.id);
  await db.machine.register(booting.tokenHash, registration);
  await db.machine.markReady(booting.instance.id, {
    agentVersion: '1.0.0',
    openclawVersion: '2.0.0',
    gateway: 'ready',
    uptimeSeconds: 1,
  });
  return { ...booting, registration };
}

export const registrationOf = (instanceId: string) => ({
  instanceId,
  identityPublicKey: key43(),
  agentPublicKey: key43(),
  agentVersion: '1.0.0',
  openclawVersion: '2.0.0',
});

/** A line of a report stream; its id differs from call to call. */
export const reportLine = (report: InstanceReport, changes: Partial<ReportLine> = {}): ReportLine => ({
  n: 1,
  id: newId('grant').slice(4),
  at: '2026-01-01T00:00:00.000Z',
  report,
  ...changes,
});

let releases = 0;

/** A release whose version differs from call to call, later ones higher. */
export const sampleRelease = (changes: Partial<OpenClawRelease> = {}): OpenClawRelease => {
  releases += 1;
  return {
    version: `2026.10.${releases}`,
    integrity: `sha512-${'A'.repeat(86)}==`,
    releasedAt: '2026-10-01T00:00:00.000Z',
    changelog: '- Mends this and that',
    ...changes,
  };
};

/** A grant of an hour from now; its token's hash is 64 times `a`. */
export const sampleGrant = (changes: Partial<SupportGrant> = {}): SupportGrant => ({
  id: newId('grant'),
  name: 'Ada of support',
  keyFingerprint: `SHA256:${key43()}`,
  root: false,
  startsAt: new Date().toISOString(),
  endsAt: inOneHour(),
  tokenHash: 'a'.repeat(64),
  ...changes,
});

/** A ready instance that has reported a grant. */
export async function grantedInstance(
  db: Database,
  ownerId = newOwnerId(),
  changes: Partial<SupportGrant> = {},
) {
  const ready = await readyInstance(db, ownerId);
  const grant = sampleGrant(changes);
  await db.machine.report(
    ready.instance.id,
    ready.registration.identityPublicKey,
    reportLine({ kind: 'grant_opened', grant }),
  );
  return { ...ready, grant };
}

/** Destroys to the end: asks, takes the lease, finishes with a receipt that says nothing is left. */
export async function destroyed(db: Database, ownerId: string, instanceId: string) {
  const operation = await db.owner(ownerId).destroyInstance(instanceId, newId('operation'));
  const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
  const at = '2026-01-01T00:00:00.000Z';
  const entry = { kind: 'server', id: '1', name: 'claw', at };
  const receipt: Receipt = {
    instanceId,
    made: [entry],
    deleted: [entry],
    left: [],
    listedAt: at,
    cost: null,
  };
  await db.provisioner.finishOperation(operation.id, epoch, {
    state: 'succeeded',
    failure: null,
    receipt,
    instanceState: 'destroyed',
  });
  return { operation, epoch, receipt };
}

/** What a sweep tells of a server with the tag of this instance, or of one that no record knows. */
export const foundServer = (instanceId: string = newId('instance'), id = newId('grant')): FoundResource => ({
  kind: 'server',
  id,
  name: `claw-${instanceId}`,
  tag: `claw-${instanceId}`,
  region: 'here',
  createdAt: '2026-01-01T00:00:00.000Z',
  consoleUrl: null,
});

/** A stray in the account of this credential. */
export async function strayOf(db: Database, ownerId: string, credentialId: string): Promise<Stray> {
  await db.provisioner.recordTagged(credentialId, [foundServer()]);
  const [stray] = await db.owner(ownerId).listStrays();
  if (!stray) throw new Error('the sweep has left no stray');
  return stray;
}

export const inOneHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
