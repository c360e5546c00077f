import { ProductError, toFailure } from '@claw-cloud/contracts';
import type { KeyRing } from '@claw-cloud/crypto/kek';
import type { ClaimedStray } from '@claw-cloud/db';
import {
  type CloudResourceKind,
  cloudResourceKinds,
  type OpenCredential,
  type Provider,
} from '@claw-cloud/providers';
import { openCredential } from './open-credential.ts';
import { openCloud } from './parts.ts';
import type { ChildSettings, Task, TaskResult } from './protocol.ts';

type SweepTask = Extract<Task, { kind: 'sweep' }>;
type StrayTask = Extract<Task, { kind: 'stray' }>;

interface Parts {
  readonly settings: ChildSettings;
  readonly ring: KeyRing;
  readonly signal: AbortSignal;
  auditUse(purpose: string): Promise<void>;
}

/** Everything in the credential's account that bears a tag of the product. */
export async function sweepAccount(parts: Parts, { credential: row }: SweepTask): Promise<TaskResult> {
  const credential = openCredential(parts.ring, row);
  try {
    await parts.auditUse('sweep');
    const cloud = await openCloud(parts.settings, row.provider, parts.signal);
    const found = await cloud.findTagged(credential);
    return {
      kind: 'tagged',
      found: found.map(({ kind, id, name, tag, region, createdAt }) => ({
        kind,
        id,
        name,
        tag,
        region: region ?? null,
        createdAt,
        consoleUrl: kind === 'server' ? cloud.consoleUrl(id, region ?? '') : null,
      })),
    };
  } finally {
    credential.wipe();
  }
}

/** What is there without the tag is no longer ours to delete. Raises `conflict`. */
async function requireGone(
  cloud: Provider,
  credential: OpenCredential,
  {
    kind,
    resourceId,
    name,
    region,
  }: Pick<ClaimedStray, 'resourceId' | 'name' | 'region'> & {
    kind: CloudResourceKind;
  },
): Promise<void> {
  const resource = { kind, id: resourceId, name, createdAt: null, status: null, deletedWith: null };
  const there = await cloud.stillExisting(credential, [region === null ? resource : { ...resource, region }]);
  if (there.length > 0)
    throw new ProductError(
      'conflict',
      'It no longer bears the tag that bound it, so it is not deleted here.',
      'Look at it in the cloud’s console, and delete it there if it is yours.',
    );
}

/**
 * Deletes a stray, if the account still has it under the very tag that the record names: what was found once may have
 * been given to something else since.
 */
export async function deleteStray(parts: Parts, { credential: row, stray }: StrayTask): Promise<TaskResult> {
  const credential = openCredential(parts.ring, row);
  try {
    await parts.auditUse('stray');
    const cloud = await openCloud(parts.settings, row.provider, parts.signal);
    const kind = cloudResourceKinds.find((known) => known === stray.kind);
    const found = (await cloud.findByTag(credential, stray.tag)).find(
      (entry) => entry.kind === kind && entry.id === stray.resourceId,
    );
    if (found) await cloud.deleteResource(credential, found);
    else if (kind !== undefined) await requireGone(cloud, credential, { ...stray, kind });
    return { kind: 'stray', failure: null };
  } catch (error) {
    if (parts.signal.aborted || !(error instanceof ProductError)) throw error;
    return { kind: 'stray', failure: toFailure(error, 'stray', true) };
  } finally {
    credential.wipe();
  }
}
