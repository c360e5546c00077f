import { policyDocument } from './policy.ts';

const indented = (text: string, spaces: number): string =>
  text
    .split('\n')
    .map((line) => `${' '.repeat(spaces)}${line}`)
    .join('\n');

/**
 * A CloudFormation template that makes the role: whom it trusts and what it may do come from one place. JSON is valid
 * YAML, so that the policy stands in it as it is.
 */
export const roleTemplate = `AWSTemplateFormatVersion: '2010-09-09'
Description: A role by which Claw Cloud makes and deletes assistants in this account, and touches nothing else.
Parameters:
  PlatformAccount:
    Type: String
    Description: The AWS account number of the platform.
    AllowedPattern: '^[0-9]{12}$'
  ExternalId:
    Type: String
    Description: Your own external id, as the platform shows it. Nobody else's requests carry it.
    MinLength: 8
    MaxLength: 100
    AllowedPattern: '^[A-Za-z0-9_=,.@:/-]+$'
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: Lets Claw Cloud make and delete assistants in this account
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Sub 'arn:\${AWS::Partition}:iam::\${PlatformAccount}:root'
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId: !Ref ExternalId
      Policies:
        - PolicyName: claw-cloud
          PolicyDocument:
${indented(JSON.stringify(policyDocument, null, 2), 12)}
Outputs:
  RoleArn:
    Description: Paste this into the platform.
    Value: !GetAtt Role.Arn
`;
