import { itemsOf, textsOf } from './answers.ts';
import { type AwsParts, askMoto, ec2Params } from './call.ts';

interface Place {
  readonly account: string;
  readonly region: string;
}

/** Gives the default network of a place IPv6, as its owner can with three clicks; once, before anyone looks at it. */
export function ready(parts: AwsParts, place: Place): Promise<void> {
  if (!parts.ipv6) return Promise.resolve();
  const key = `${place.account} ${place.region}`;
  const known = parts.state.networks.get(key);
  if (known) return known;
  const done = giveIpv6(parts, place);
  parts.state.networks.set(key, done);
  return done;
}

async function giveIpv6(parts: AwsParts, place: Place): Promise<void> {
  const networks = await askMoto(
    parts,
    place,
    ec2Params('DescribeVpcs', { 'Filter.1.Name': 'is-default', 'Filter.1.Value.1': 'true' }),
  );
  const VpcId = textsOf(networks.body, 'vpcId')[0];
  if (VpcId === undefined) return;
  const answer = await askMoto(
    parts,
    place,
    ec2Params('AssociateVpcCidrBlock', { VpcId, AmazonProvidedIpv6CidrBlock: 'true' }),
  );
  const block = textsOf(answer.body, 'ipv6CidrBlock')[0];
  if (block === undefined) return;
  const filter = { 'Filter.1.Name': 'vpc-id', 'Filter.1.Value.1': VpcId };
  const subnets = await askMoto(parts, place, ec2Params('DescribeSubnets', filter));
  await Promise.all(
    itemsOf(subnets.body, 'subnetSet').map((item, index) =>
      askMoto(
        parts,
        place,
        ec2Params('AssociateSubnetCidrBlock', {
          SubnetId: textsOf(item, 'subnetId')[0] ?? '',
          // The /56 holds 256 blocks; its last two digits are theirs.
          Ipv6CidrBlock: block.replace(/00::\/56$/, `${index.toString(16).padStart(2, '0')}::/64`),
        }),
      ),
    ),
  );
}
