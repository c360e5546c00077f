import { itemsOf, textsOf } from './answers.ts';
import { type AwsParts, askMoto, type Call, ec2Params } from './call.ts';
import { accountNumber } from './identities.ts';
import { newestImages } from './images.ts';
import { switchOff, terminate } from './instance-life.ts';
import { runInstances } from './run-instances.ts';
import { placesOf } from './state.ts';

interface Place {
  readonly account: string;
  readonly region: string;
}

/** What an owner does in AWS's console, behind the product's back. */
export function createConsole(parts: AwsParts) {
  async function idsOf(place: Place, action: string, set: string, field: string, filter?: [string, string]) {
    const filters = filter ? { 'Filter.1.Name': filter[0], 'Filter.1.Value.1': filter[1] } : {};
    const { body } = await askMoto(parts, place, ec2Params(action, filters));
    return itemsOf(body, set).map((item) => textsOf(item, field)[0] ?? '');
  }

  return {
    async deleteServer(id: string): Promise<void> {
      const record = parts.state.instances.get(id);
      if (!record) throw new Error(`There is no server ${id}.`);
      await terminate(parts, record);
    },

    async stopServer(id: string): Promise<void> {
      const record = parts.state.instances.get(id);
      if (!record) throw new Error(`There is no server ${id}.`);
      await askMoto(parts, record, ec2Params('StopInstances', { 'InstanceId.1': id }));
      await switchOff(parts, record, 'shutdown');
    },

    async deleteFirewall(GroupId: string): Promise<void> {
      for (const place of placesOf(parts.state))
        if ((await askMoto(parts, place, ec2Params('DeleteSecurityGroup', { GroupId }))).ok) return;
      throw new Error(`There is no security group ${GroupId}.`);
    },

    async openFirewall(id: string): Promise<void> {
      for (const place of placesOf(parts.state)) {
        const rule = {
          GroupId: id,
          'IpPermissions.1.IpProtocol': 'tcp',
          'IpPermissions.1.FromPort': '22',
          'IpPermissions.1.ToPort': '22',
          'IpPermissions.1.IpRanges.1.CidrIp': '0.0.0.0/0',
        };
        if ((await askMoto(parts, place, ec2Params('AuthorizeSecurityGroupIngress', rule))).ok) return;
      }
      throw new Error(`There is no security group ${id}.`);
    },

    /** `account` is the name that tests call it by. */
    async addServer(wish: Place & { tagKey: string; tag: string; size: string }): Promise<string> {
      const account = accountNumber(wish.account);
      const params = ec2Params('RunInstances', {
        ImageId: newestImages.x86,
        InstanceType: wish.size,
        MinCount: '1',
        MaxCount: '1',
        'TagSpecification.1.ResourceType': 'instance',
        'TagSpecification.1.Tag.1.Key': wish.tagKey,
        'TagSpecification.1.Tag.1.Value': wish.tag,
        'TagSpecification.1.Tag.2.Key': 'Name',
        'TagSpecification.1.Tag.2.Value': 'by-hand',
      });
      const call: Call = {
        service: 'ec2',
        region: wish.region,
        action: 'RunInstances',
        identity: {
          account,
          accountName: wish.account,
          arn: `arn:aws:iam::${account}:root`,
          accessKeyId: '',
          secretAccessKey: '',
          powers: 'full',
          denied: [],
        },
        params,
        body: params.toString(),
      };
      const answer = await runInstances(parts, call);
      const text = await answer.text();
      const id = textsOf(itemsOf(text, 'instancesSet')[0] ?? '', 'instanceId')[0];
      if (!answer.ok || id === undefined) throw new Error(`The pretend AWS made no server: ${text}`);
      return id;
    },

    async deleteDefaultVpc(place: Place): Promise<void> {
      const [vpc] = await idsOf(place, 'DescribeVpcs', 'vpcSet', 'vpcId', ['is-default', 'true']);
      if (vpc === undefined) return;
      for (const SubnetId of await idsOf(place, 'DescribeSubnets', 'subnetSet', 'subnetId', ['vpc-id', vpc]))
        await askMoto(parts, place, ec2Params('DeleteSubnet', { SubnetId }));
      const gateways = await idsOf(
        place,
        'DescribeInternetGateways',
        'internetGatewaySet',
        'internetGatewayId',
        ['attachment.vpc-id', vpc],
      );
      for (const InternetGatewayId of gateways) {
        await askMoto(parts, place, ec2Params('DetachInternetGateway', { InternetGatewayId, VpcId: vpc }));
        await askMoto(parts, place, ec2Params('DeleteInternetGateway', { InternetGatewayId }));
      }
      const answer = await askMoto(parts, place, ec2Params('DeleteVpc', { VpcId: vpc }));
      if (!answer.ok) throw new Error(`The default network is still there: ${answer.body}`);
    },
  };
}
