import type { Resource, Work } from '../protocol/resource.ts';
import { objects, type Properties, text } from '../protocol/values.ts';
import { type Ec2, filters, isRefusal, named, one, untilGone, whileRefused } from './client.ts';

const minute = 60_000;

async function find(work: Work<Ec2>, id: string): Promise<Properties | null> {
  const table = await one(
    work,
    'DescribeRouteTables',
    { Filter: filters({ 'association.route-table-association-id': id }) },
    'routeTableSet',
  );
  const found = objects(table?.associationSet).find((entry) => text(entry.routeTableAssociationId) === id);
  return found ?? null;
}

/** Which table a subnet's traffic is routed by. Imported as `subnet/table`. */
export const routeTableAssociation: Resource<Ec2> = {
  type: 'aws:ec2/routeTableAssociation:RouteTableAssociation',
  computed: ['region'],
  replaces: ['gatewayId', 'region', 'subnetId'],

  async create(work, inputs, made) {
    const table = text(inputs.routeTableId);
    const answer = await named(
      `creating Route Table (${table}) Association`,
      whileRefused(work, { codes: ['InvalidRouteTableID.NotFound'], limitMs: 5 * minute }, () =>
        work.client.call(
          'AssociateRouteTable',
          { RouteTableId: table, GatewayId: text(inputs.gatewayId), SubnetId: text(inputs.subnetId) },
          work.signal,
        ),
      ),
    );
    const id = text(answer.associationId);
    made(id, {});
    await named(
      `waiting for Route Table Association (${id}) create`,
      work.waiting.poll({
        delayMs: 0,
        everyMs: 1_000,
        limitMs: 5 * minute,
        signal: work.signal,
        pending: [],
        target: ['associated'],
        ask: async () => ({ value: undefined, state: (await find(work, id)) ? 'associated' : null }),
      }),
    );
    const said = await routeTableAssociation.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const found = await named(`reading Route Table Association (${id})`, find(work, id));
    return (
      found && {
        gatewayId: text(found.gatewayId),
        region: work.client.region,
        routeTableId: text(found.routeTableId),
        subnetId: text(found.subnetId),
      }
    );
  },

  async imported(work, joined) {
    const [target, tableId, more] = joined.split('/');
    if (!target || !tableId || more !== undefined) {
      throw new Error(
        `Unexpected format for import: ${joined}. Use 'subnet ID/route table ID' or 'gateway ID/route table ID`,
      );
    }
    const table = await one(work, 'DescribeRouteTables', { RouteTableId: [tableId] }, 'routeTableSet');
    const found = objects(table?.associationSet).find(
      ({ subnetId, gatewayId }) => text(subnetId) === target || text(gatewayId) === target,
    );
    if (!found) {
      throw new Error(`No association found between route table ID ${tableId} and target ID ${target}`);
    }
    return { id: text(found.routeTableAssociationId), state: {} };
  },

  async delete(work, id) {
    await disassociate(work, id);
  },
};

/** Ends an association; one that is gone already is fine. */
export async function disassociate(work: Work<Ec2>, id: string): Promise<void> {
  try {
    await work.client.call('DisassociateRouteTable', { AssociationId: id }, work.signal);
  } catch (error) {
    if (isRefusal(error, 'InvalidAssociationID.NotFound')) return;
    await named(`deleting Route Table Association (${id})`, Promise.reject(error));
  }
  await named(
    `deleting Route Table Association (${id}): waiting for completion`,
    untilGone(work, 5 * minute, () => find(work, id)),
  );
}
