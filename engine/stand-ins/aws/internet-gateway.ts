import type { Resource, Work } from '../protocol/resource.ts';
import { object, objects, text } from '../protocol/values.ts';
import { type Ec2, isRefusal, named, one, whileRefused } from './client.ts';
import { changeTags, tagSpecification, tagsIn } from './tags.ts';

const limitMs = 20 * 60_000;
const find = (work: Work<Ec2>, id: string) =>
  one(work, 'DescribeInternetGateways', { InternetGatewayId: [id] }, 'internetGatewaySet');

/** What connects a network with the rest of the world. */
export const internetGateway: Resource<Ec2> = {
  type: 'aws:ec2/internetGateway:InternetGateway',
  computed: ['region', 'vpcId'],
  replaces: ['region'],

  async create(work, inputs, made) {
    const answer = await named(
      'creating EC2 Internet Gateway',
      work.client.call(
        'CreateInternetGateway',
        { TagSpecification: tagSpecification('internet-gateway', inputs.tags) },
        work.signal,
      ),
    );
    const id = text(object(answer.internetGateway).internetGatewayId);
    // In the state as not attached until it is: what failed is attached by the next run.
    made(id, { vpcId: '' });
    if (text(inputs.vpcId) !== '') await attach(work, id, text(inputs.vpcId));
    const said = await internetGateway.read(work, id, {});
    if (said) made(id, said);
  },

  async read(work, id) {
    const found = await named(`reading EC2 Internet Gateway (${id})`, find(work, id));
    return (
      found && {
        arn: `arn:aws:ec2:${work.client.region}:${text(found.ownerId)}:internet-gateway/${id}`,
        ownerId: text(found.ownerId),
        region: work.client.region,
        tags: tagsIn(found),
        tagsAll: tagsIn(found),
        vpcId: text(objects(found.attachmentSet)[0]?.vpcId),
      }
    );
  },

  async update(work, id, { inputs, state, changed }) {
    if (changed.has('vpcId')) {
      if (text(state.vpcId) !== '') await detach(work, id, text(state.vpcId));
      if (text(inputs.vpcId) !== '') await attach(work, id, text(inputs.vpcId));
    }
    if (changed.has('tags')) await changeTags(work, id, state.tags, inputs.tags);
    const said = await internetGateway.read(work, id, state);
    if (!said) throw new Error(`reading EC2 Internet Gateway (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id, state) {
    if (text(state.vpcId) !== '') {
      await named(`deleting EC2 Internet Gateway (${id})`, detach(work, id, text(state.vpcId)));
    }
    try {
      await whileRefused(work, { codes: ['DependencyViolation'], limitMs }, () =>
        work.client.call('DeleteInternetGateway', { InternetGatewayId: id }, work.signal),
      );
    } catch (error) {
      if (isRefusal(error, 'InvalidInternetGatewayID.NotFound')) return;
      await named(`deleting EC2 Internet Gateway (${id})`, Promise.reject(error));
    }
  },
};

async function attach(work: Work<Ec2>, id: string, vpcId: string): Promise<void> {
  const params = { InternetGatewayId: id, VpcId: vpcId };
  await named(
    `attaching EC2 Internet Gateway (${id}) to VPC (${vpcId})`,
    whileRefused(work, { codes: ['InvalidInternetGatewayID.NotFound'], limitMs }, () =>
      work.client.call('AttachInternetGateway', params, work.signal),
    ),
  );
  await untilAttached(work, id, true);
}

async function detach(work: Work<Ec2>, id: string, vpcId: string): Promise<void> {
  const params = { InternetGatewayId: id, VpcId: vpcId };
  try {
    await whileRefused(work, { codes: ['DependencyViolation'], limitMs }, () =>
      work.client.call('DetachInternetGateway', params, work.signal),
    );
  } catch (error) {
    if (isRefusal(error, 'Gateway.NotAttached')) return;
    await named(`detaching EC2 Internet Gateway (${id}) from VPC (${vpcId})`, Promise.reject(error));
  }
  await untilAttached(work, id, false);
}

async function untilAttached(work: Work<Ec2>, id: string, wanted: boolean): Promise<void> {
  await work.waiting.poll({
    delayMs: 0,
    everyMs: 1_000,
    limitMs,
    signal: work.signal,
    pending: [],
    target: [wanted ? 'attached' : 'detached'],
    async ask() {
      const attached = objects((await find(work, id))?.attachmentSet).length > 0;
      return { value: undefined, state: attached ? 'attached' : 'detached' };
    },
  });
}
