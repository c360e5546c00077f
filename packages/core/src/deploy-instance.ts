import {
  type Catalogue,
  DeployInstance,
  minimumMemoryMb,
  ProductError,
  recommendedMemoryMb,
} from '@claw-cloud/contracts';
import type { Deployment, OwnerRepository } from '@claw-cloud/db';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { requireIntakeKey } from './intake-key.ts';
import { parse } from './parse.ts';

/**
 * Writes the intent to deploy and asks the provisioner to carry it out. Input: DeployInstance. Idempotent by the id the
 * client chose: pressed twice, it is one instance and one operation. Raises `invalid_request`, `not_found`,
 * `credential_not_ready`, `credential_rejected`, `region_unknown`, `size_unknown`, `size_too_small`,
 * `intake_key_unknown`, `conflict`. Whether the size is sold out or its price has changed is seen by preflight alone,
 * which asks the cloud at that moment.
 */
export async function deployInstance(context: OwnerContext, input: unknown): Promise<Deployment> {
  const owner = asOwner(context);
  const request = parse(DeployInstance, input);
  return auditRefusal(context, owner, { action: 'instance.deploy', target: request.id }, async () => {
    // The same request again is answered as before, whatever has become of the catalogue since.
    if (!(await isKnown(owner, request.id))) {
      checkOffer(await owner.getCatalogue(request.credentialId), request);
      await requireIntakeKey(context, request.enrolment);
    }
    const deployment = await owner.deployInstance(request, context.newId('operation'));
    await enqueueOperation(context, deployment.operation);
    return deployment;
  });
}

async function isKnown(owner: OwnerRepository, instanceId: string): Promise<boolean> {
  try {
    await owner.getInstance(instanceId);
    return true;
  } catch (error) {
    if (error instanceof ProductError && error.code === 'not_found') return false;
    throw error;
  }
}

/** Raises `region_unknown`, `size_unknown` or `size_too_small`, in the words of the form. */
export function checkOffer(catalogue: Catalogue, { region, size }: { region: string; size: string }): void {
  if (!catalogue.regions.some(({ id }) => id === region))
    throw new ProductError(
      'region_unknown',
      `The cloud has no region “${region}”.`,
      `Pick one of: ${named(catalogue.regions)}.`,
    );
  const chosen = catalogue.sizes.find(({ id }) => id === size);
  const offered = catalogue.sizes.filter(({ offers }) => offers.some((offer) => offer.region === region));
  if (!chosen)
    throw new ProductError(
      'size_unknown',
      `The cloud has no size “${size}”.`,
      `Pick one of: ${named(offered)}.`,
    );
  if (!offered.includes(chosen))
    throw new ProductError(
      'size_unknown',
      `The size “${size}” is not offered in “${region}”.`,
      `Pick another region, or one of the sizes there: ${named(offered)}.`,
    );
  if (chosen.memoryMb < minimumMemoryMb)
    throw new ProductError(
      'size_too_small',
      `The size “${size}” has ${chosen.memoryMb} MB of memory. OpenClaw is killed for lack of memory below ${minimumMemoryMb} MB.`,
      `Pick a size with at least ${recommendedMemoryMb} MB: ${named(offered.filter(({ memoryMb }) => memoryMb >= recommendedMemoryMb))}.`,
    );
}

const namedAtMost = 12;
function named(things: readonly { id: string }[]): string {
  if (things.length === 0) return 'none is offered';
  const shown = things.slice(0, namedAtMost).map(({ id }) => id);
  return shown.join(', ') + (things.length > namedAtMost ? ', …' : '');
}
