import { ec2Refusal, type Refusal, textsOf } from './answers.ts';
import { type AwsParts, askMoto, asResponse, type Call, ec2Params, listOf } from './call.ts';
import { ready } from './default-network.ts';
import {
  deleteRouteTable,
  deleteSecurityGroup,
  deleteSubnet,
  deleteVpc,
  detachInternetGateway,
} from './deletes.ts';
import { describeFiltered, describeInstances, describeRegions } from './describes.ts';
import { changePower, modifyInstance } from './instance-life.ts';
import { runInstances, typeIn } from './run-instances.ts';

type Handler = (parts: AwsParts, call: Call) => Promise<Response>;

/** Where moto alone would be laxer than AWS, or would know less. */
const strict: Readonly<Record<string, Handler>> = {
  RunInstances: runInstances,
  StartInstances: changePower,
  StopInstances: changePower,
  RebootInstances: changePower,
  TerminateInstances: changePower,
  ModifyInstanceAttribute: (parts, call) =>
    modifyInstance(parts, call, (size) =>
      typeIn(parts, { account: call.identity.account, region: call.region }, size),
    ),
  CreateSubnet: createSubnet,
  DeleteSecurityGroup: deleteSecurityGroup,
  DeleteSubnet: deleteSubnet,
  DetachInternetGateway: detachInternetGateway,
  DeleteRouteTable: deleteRouteTable,
  DeleteVpc: deleteVpc,
  DescribeSecurityGroups: describeFiltered,
  DescribeSubnets: describeFiltered,
  DescribeInstances: describeInstances,
  DescribeRegions: describeRegions,
};

/** moto gives servers in the first subnet of any network a public address; AWS in default ones alone. */
async function createSubnet(parts: AwsParts, call: Call): Promise<Response> {
  const where = { account: call.identity.account, region: call.region };
  const answer = await askMoto(parts, where, call.params);
  const SubnetId = textsOf(answer.body, 'subnetId')[0];
  if (SubnetId !== undefined)
    await askMoto(
      parts,
      where,
      ec2Params('ModifySubnetAttribute', { SubnetId, 'MapPublicIpOnLaunch.Value': 'false' }),
    );
  const told = '<mapPublicIpOnLaunch>';
  return asResponse({ ...answer, body: answer.body.replace(`${told}true`, `${told}false`) });
}

const isRead = (action: string): boolean => /^(Describe|Get)/.test(action);

/** Why an identity may not; null when it may. Every answer carries an encoded message, as AWS's do. */
export function unauthorized({ identity, action, service }: Call): Refusal | null {
  const may = (identity.powers === 'full' || isRead(action)) && !identity.denied.includes(action);
  if (may) return null;
  const full = `${service}:${action}`;
  return {
    status: 403,
    code: 'UnauthorizedOperation',
    message: `You are not authorized to perform this operation. User: ${identity.arn} is not authorized to perform: ${full} because no identity-based policy allows the ${full} action. Encoded authorization failure message: ${Buffer.from(`${full} ${identity.arn}`).toString('base64url').repeat(6)}`,
  };
}

/** Asks without doing: what may be done is said by an error. */
function dryRun(parts: AwsParts, call: Call): Response {
  const gone = listOf(call.params, 'InstanceId').find((id) => !parts.state.instances.has(id));
  return ec2Refusal(
    gone === undefined
      ? {
          status: 412,
          code: 'DryRunOperation',
          message: 'Request would have succeeded, but DryRun flag is set.',
        }
      : {
          status: 400,
          code: 'InvalidInstanceID.NotFound',
          message: `The instance ID '${gone}' does not exist`,
        },
  );
}

/** EC2: moto behind rules that AWS has and moto hasn't. */
export async function answerEc2(parts: AwsParts, call: Call): Promise<Response> {
  const refusal = unauthorized(call);
  if (refusal) return ec2Refusal(refusal);
  if (call.params.get('DryRun') === 'true') return dryRun(parts, call);
  const where = { account: call.identity.account, region: call.region };
  if (!isRead(call.action)) parts.state.places.add(`${where.account} ${where.region}`);
  if (/Vpc|Subnet|RunInstances/.test(call.action)) await ready(parts, where);
  const handler = strict[call.action];
  return handler ? handler(parts, call) : asResponse(await askMoto(parts, where, call.params));
}
