import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cloud } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { descriptor } from '../aws/descriptor.ts';
import { policy, policyDocument, policyText, probeIds } from '../aws/policy.ts';
import { rootDiskGb } from '../aws/prices.ts';
import { roleTemplate } from '../aws/role-template.ts';

/** IAM's limit for a managed policy, white space aside. */
const managedPolicyLimit = 6_144;
/** CloudFormation's limit for a template that is uploaded directly. */
const templateLimit = 51_200;

const listed = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value;
const deletesOrChanges =
  /:(Delete|Terminate|Stop|Start|Unmonitor|Reboot|Modify|Detach|Attach|Disassociate|Associate|Revoke|Authorize|CreateRoute$)/;

describe('the policy', () => {
  test('allows exactly what the list names', () => {
    const allowed = policyDocument.Statement.flatMap(({ Action }) => listed(Action));
    expect([...new Set(allowed)].sort()).toEqual(policy.permissions.map(({ name }) => name).sort());
    expect(allowed.some((action) => action.includes('*'))).toBe(false);
  });

  test('lets nothing be changed or deleted that doesn’t bear the tag', () => {
    const nothing = Object.values(probeIds).map((id) => `arn:aws:ec2:*:*:*/${id}`);
    for (const { Action, Resource, Condition } of policyDocument.Statement as readonly {
      Action: string | readonly string[];
      Resource: string | readonly string[];
      Condition?: object;
    }[]) {
      if (!listed(Action).some((action) => deletesOrChanges.test(action))) continue;
      const isNothing = listed(Resource).every((resource) => nothing.includes(resource));
      if (!isNothing) expect(Condition).toEqual({ StringLike: { 'aws:ResourceTag/claw-cloud': 'claw-*' } });
    }
  });

  test('lets a server be made only tagged, encrypted, with a closed metadata service, from Debian', () => {
    const statement = (Sid: string) => policyDocument.Statement.find((entry) => entry.Sid === Sid);
    expect(statement('MakeServerTaggedWithClosedMetadata')).toMatchObject({
      Resource: 'arn:aws:ec2:*:*:instance/*',
      Condition: {
        StringLike: { 'aws:RequestTag/claw-cloud': 'claw-*' },
        StringEquals: { 'ec2:MetadataHttpTokens': 'required' },
      },
    });
    expect(statement('MakeDiskTaggedAndEncrypted')).toMatchObject({
      Condition: { Bool: { 'ec2:Encrypted': 'true' } },
    });
    expect(statement('MakeServerFromDebian')).toMatchObject({
      Condition: { StringEquals: { 'ec2:Owner': '136693071363' } },
    });
  });

  test('never lets anything in: no rule for inbound traffic can be added', () => {
    expect(policyText).not.toContain('AuthorizeSecurityGroupIngress');
    expect(policyText).not.toContain('iam:');
  });

  test('fits into IAM', () => {
    expect(JSON.stringify(policyDocument).replaceAll(/\s/g, '').length).toBeLessThan(managedPolicyLimit);
  });

  test('knows which permissions a request needs', () => {
    const of = (path: string, body = '') => policy.permissionsOf({ method: 'POST', path, query: '', body });
    expect(of('GetCallerIdentity')).toEqual([]);
    expect(of('AssumeRole')).toEqual([]);
    expect(of('GetProducts')).toEqual(['pricing:GetProducts']);
    expect(of('DescribeVpcs')).toEqual(['ec2:DescribeVpcs']);
    expect(of('RunInstances', 'TagSpecification.1.ResourceType=instance')).toEqual([
      'ec2:RunInstances',
      'ec2:CreateTags',
    ]);
    expect(of('CreateKeyPair')).toEqual(['ec2:CreateKeyPair']);
  });
});

describe('the template of the role', () => {
  const template = parse(roleTemplate, {
    customTags: ['!Sub', '!Ref', '!GetAtt'].map((tag) => ({
      tag,
      resolve: (text: string) => ({ [tag]: text }),
    })),
  }) as {
    AWSTemplateFormatVersion: string;
    Parameters: Record<string, { Type: string; AllowedPattern: string }>;
    Resources: { Role: { Type: string; Properties: Record<string, unknown> } };
    Outputs: Record<string, { Value: unknown }>;
  };

  test('makes one role and tells its ARN', () => {
    expect(template.AWSTemplateFormatVersion).toBe('2010-09-09');
    expect(Object.keys(template.Resources)).toEqual(['Role']);
    expect(template.Resources.Role.Type).toBe('AWS::IAM::Role');
    expect(template.Outputs.RoleArn?.Value).toEqual({ '!GetAtt': 'Role.Arn' });
    expect(roleTemplate.length).toBeLessThan(templateLimit);
  });

  test('trusts the platform alone, and only with the external id', () => {
    expect(Object.keys(template.Parameters)).toEqual(['PlatformAccount', 'ExternalId']);
    expect(template.Resources.Role.Properties.AssumeRolePolicyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: { '!Sub': `arn:\${AWS::Partition}:iam::\${PlatformAccount}:root` } },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:ExternalId': { '!Ref': 'ExternalId' } } },
        },
      ],
    });
  });

  test('allows what the policy does, for sessions of an hour', () => {
    const { Policies, MaxSessionDuration } = template.Resources.Role.Properties as {
      Policies: { PolicyDocument: unknown }[];
      MaxSessionDuration: number;
    };
    expect(Policies.map(({ PolicyDocument }) => PolicyDocument)).toEqual([policyDocument]);
    expect(MaxSessionDuration).toBe(3600);
  });
});

describe('the descriptor', () => {
  test('holds to the contract, with the policy of either way beside it', () => {
    Cloud.parse(descriptor);
    expect(descriptor.methods.map(({ id, policy: own }) => [id, own?.text])).toEqual([
      ['role', roleTemplate],
      ['keys', policyText],
    ]);
  });

  test('counts the disk that the stack makes', () => {
    const program = readFileSync(join(import.meta.dirname, '../../../stacks/aws/program.ts'), 'utf8');
    expect(program).toContain(`const rootDiskGb = ${rootDiskGb};`);
  });
});
