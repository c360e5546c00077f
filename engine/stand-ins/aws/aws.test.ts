import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Recorded, type Recorder, startRecorder } from '../testing/recorder.ts';
import { startEngine, type TestEngine } from '../testing/stack.ts';

const limit = { timeout: 240_000 };

/** As much of EC2 as one security group meets. */
function pretend() {
  let group: { name: string; ingress: string; egress: string } | undefined;
  const refusals: Answer[] = [];
  const ok = (action: string, body: string): Answer => ({
    text: `<${action}Response><requestId>r</requestId>${body}</${action}Response>`,
  });
  const refused = (status: number, code: string, message: string): Answer => ({
    status,
    text: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>req-9</RequestID></Response>`,
  });
  const everything =
    '<item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>';
  function answer({ body }: Recorded): Answer {
    const form = new URLSearchParams(body);
    const action = form.get('Action') ?? '';
    const given = refusals.shift();
    if (given) return given;
    if (action === 'CreateSecurityGroup') {
      group = { name: form.get('GroupName') ?? '', ingress: '', egress: everything };
      return ok(action, '<groupId>sg-1</groupId>');
    }
    if (action === 'DescribeNetworkInterfaces') return ok(action, '<networkInterfaceSet/>');
    if (action === 'DescribeVpcs') {
      return ok(action, '<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>');
    }
    if (!group) return refused(400, 'InvalidGroup.NotFound', "The security group 'sg-1' does not exist");
    if (action === 'DescribeSecurityGroups') {
      const { name, ingress, egress } = group;
      return ok(
        action,
        `<securityGroupInfo><item><groupId>sg-1</groupId><groupName>${name}</groupName><groupDescription>d</groupDescription><ownerId>1</ownerId><vpcId>vpc-1</vpcId><ipPermissions>${ingress}</ipPermissions><ipPermissionsEgress>${egress}</ipPermissionsEgress><tagSet><item><key>claw-cloud</key><value>claw-ins_1</value></item></tagSet></item></securityGroupInfo>`,
      );
    }
    if (action === 'RevokeSecurityGroupEgress') {
      if (form.has('IpPermissions.1.Ipv6Ranges.1.CidrIpv6')) {
        return refused(400, 'InvalidPermission.NotFound', 'The specified rule does not exist');
      }
      group.egress = '';
    }
    if (action === 'AuthorizeSecurityGroupEgress') group.egress = everything;
    if (action === 'RevokeSecurityGroupIngress') group.ingress = '';
    if (action === 'DeleteSecurityGroup') group = undefined;
    return ok(action, '<return>true</return>');
  }
  return {
    answer,
    refuse: (...next: Answer[]) => refusals.push(...next),
    refused,
    open() {
      if (group) {
        group.ingress =
          '<item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>';
      }
    },
    exists: () => group !== undefined,
  };
}

const cloud = pretend();
let web: Recorder;
let engine: TestEngine;
const actions = () => web.requests.splice(0).map(({ body }) => new URLSearchParams(body).get('Action') ?? '');

beforeAll(async () => {
  web = await startRecorder(cloud.answer);
  engine = await startEngine('aws', { AWS_EC2_METADATA_DISABLED: 'true' });
});
afterAll(async () => {
  engine.end();
  await web.close();
});

const program = (adopt?: string) => async (): Promise<Record<string, unknown>> => {
  const provider = new aws.Provider('cloud', {
    region: 'eu-central-1',
    accessKey: pulumi.secret('AKIDEXAMPLE'),
    secretKey: pulumi.secret('secret-canary'),
    token: pulumi.secret('token-canary'),
    endpoints: [{ ec2: web.origin }],
    skipCredentialsValidation: true,
    skipRequestingAccountId: true,
    skipMetadataApiCheck: true,
    skipRegionValidation: true,
    maxRetries: 2,
  });
  const { ids } = await aws.ec2.getVpcs(
    { filters: [{ name: 'is-default', values: ['true'] }] },
    { provider },
  );
  const group = new aws.ec2.SecurityGroup(
    'group',
    {
      name: 'claw-ins-1',
      description: 'd',
      vpcId: ids[0] ?? '',
      ingress: [],
      egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'] }],
      tags: { 'claw-cloud': 'claw-ins_1' },
    },
    { provider, ...(adopt ? { import: adopt } : {}) },
  );
  return { id: group.id, vpcs: ids };
};

test('makes a group, takes away the rule that AWS gives, and signs every request', limit, async () => {
  const up = await (await engine.open(program())).up();
  expect(up.outputs).toMatchObject({ id: { value: 'sg-1' }, vpcs: { value: ['vpc-1'] } });
  const [asked] = web.requests;
  expect(new URLSearchParams(asked?.body).get('Filter.1.Name')).toBe('is-default');
  expect(asked?.headers.authorization).toMatch(
    /Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ec2\/aws4_request/,
  );
  expect(asked?.headers['x-amz-security-token']).toBe('token-canary');
  const made = actions();
  expect(made.slice(made.indexOf('CreateSecurityGroup'))).toEqual([
    'CreateSecurityGroup',
    'DescribeSecurityGroups',
    'RevokeSecurityGroupEgress',
    'RevokeSecurityGroupEgress',
    'DescribeSecurityGroups',
    'AuthorizeSecurityGroupEgress',
    'DescribeSecurityGroups',
  ]);
});

test('closes what was opened by hand, and then sees no difference', limit, async () => {
  cloud.open();
  const stack = await engine.open(program());
  expect((await stack.refresh()).summary.resourceChanges).toMatchObject({ update: 1 });
  actions();
  expect((await stack.up()).summary.resourceChanges).toMatchObject({ update: 1 });
  expect(actions()).toContain('RevokeSecurityGroupIngress');
  expect((await stack.up()).summary.resourceChanges).toEqual({ same: 3 });
});

test('takes over a group that is there, and writes nothing', limit, async () => {
  await (await engine.open(program())).workspace.removeStack('life', { force: true });
  actions();
  const taken = await (await engine.open(program('sg-1'))).up();
  expect(taken.summary.resourceChanges).toMatchObject({ import: 1 });
  expect(actions().filter((action) => !action.startsWith('Describe'))).toEqual([]);
});

test('waits with a delete until nothing uses the group', limit, async () => {
  const stack = await engine.open(program());
  const inUse = cloud.refused(400, 'DependencyViolation', 'resource sg-1 has a dependent object');
  actions();
  cloud.refuse({ text: '<a><networkInterfaceSet/></a>' }, inUse, inUse);
  await stack.destroy();
  expect(actions().filter((action) => action === 'DeleteSecurityGroup')).toHaveLength(3);
  expect(cloud.exists()).toBe(false);
});

test('tries again when it is throttled, and tells a refusal in the SDK’s words', limit, async () => {
  const busy = cloud.refused(503, 'RequestLimitExceeded', 'Request limit exceeded.');
  cloud.refuse(busy, busy);
  const stack = await engine.open(program(), 'refused');
  await expect(stack.up()).rejects.toThrow(
    'operation error EC2: DescribeVpcs, exceeded maximum number of attempts, 2, https response error StatusCode: 503, RequestID: req-9, api error RequestLimitExceeded: Request limit exceeded.',
  );
});
