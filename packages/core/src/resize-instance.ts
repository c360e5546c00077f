import {
  type Catalogue,
  type Instance,
  InstanceId,
  type Operation,
  ProductError,
  ResizeInstance,
} from '@claw-cloud/contracts';
import { auditRefusal } from './audit-refusal.ts';
import { asOwner } from './authorise.ts';
import type { OwnerContext } from './context.ts';
import { checkOffer } from './deploy-instance.ts';
import { enqueueOperation } from './enqueue-operation.ts';
import { parse } from './parse.ts';

const Input = ResizeInstance.extend({ instanceId: InstanceId });
/** Below a cent it is rounding. */
const priceTolerance = 0.01;

/**
 * Writes the intent to give a server another size and asks the provisioner to carry it out. Input: {instanceId, size,
 * expectedMonthlyPrice}. Idempotent: the same resize at work is returned. Raises `not_found`, `instance_busy`,
 * `conflict`, `size_unknown`, `size_too_small`, `resize_impossible`, `price_changed`. What the cloud alone knows (stock,
 * disk, the price of this moment) is seen by the provisioner, before it changes anything.
 */
export async function resizeInstance(context: OwnerContext, input: unknown): Promise<Operation> {
  const owner = asOwner(context);
  const { instanceId, ...wish } = parse(Input, input);
  return auditRefusal(context, owner, { action: 'instance.resize', target: instanceId }, async () => {
    const instance = await owner.getInstance(instanceId);
    checkResize(await owner.getCatalogue(instance.credentialId), instance, wish);
    const operation = await owner.resizeInstance(instanceId, wish, context.newId('operation'));
    await enqueueOperation(context, operation);
    return operation;
  });
}

function checkResize(catalogue: Catalogue, instance: Instance, wish: ResizeInstance): void {
  if (wish.size === instance.size)
    throw new ProductError(
      'resize_impossible',
      `The server has the size “${wish.size}” already.`,
      'Pick another size.',
    );
  checkOffer(catalogue, { region: instance.region, size: wish.size });
  const price = catalogue.sizes
    .find(({ id }) => id === wish.size)
    ?.offers.find(({ region }) => region === instance.region)?.monthly;
  if (price !== undefined && Math.abs(price - wish.expectedMonthlyPrice) >= priceTolerance)
    throw new ProductError(
      'price_changed',
      `The price of “${wish.size}” is now ${price.toFixed(2)} ${catalogue.currency} a month; you were shown ${wish.expectedMonthlyPrice.toFixed(2)}.`,
      'Look at the new price, and ask again if you agree.',
    );
}
