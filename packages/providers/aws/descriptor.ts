import type { Cloud } from '@claw-cloud/contracts';
import { policyText } from './policy.ts';
import { roleTemplate } from './role-template.ts';

const accountFirst =
  'Sign in to the AWS console. A new account needs a way to pay and is checked by AWS first, which can take a day: until then no server can be made.';

/** What a person sees of AWS before anything is asked of it. */
export const descriptor: Cloud = {
  id: 'aws',
  name: 'AWS',
  sandbox: false,
  methods: [
    {
      id: 'role',
      label: 'Role (no keys)',
      about:
        'You keep your keys: AWS lends us a session of one hour at a time, and only for requests that carry your external id. The better choice for an account that holds anything else.',
      steps: [
        accountFirst,
        'Save the template below as claw-cloud-role.yaml.',
        'Open CloudFormation, choose "Create stack", "With new resources", "Upload a template file" and choose the file. The region doesn\'t matter: a role is there in all of them.',
        'Name the stack "claw-cloud". Enter {awsAccount} as PlatformAccount and {externalId} as ExternalId: it is yours alone, and keeps others from having us use your role.',
        'Go on to the last page, tick that CloudFormation may create IAM resources, and choose "Submit".',
        'When the stack says CREATE_COMPLETE, open its tab "Outputs" and copy the value of RoleArn.',
        'Paste it below. It is sealed in your browser before it leaves it.',
      ],
      limiting: [
        'The role makes only what bears the tag "claw-cloud", and changes and deletes only what bears it: nothing else in the account is in its reach.',
        'An account of its own (AWS Organizations, "Add an AWS account") is the strongest limit.',
        'A service control policy can narrow the regions it may use.',
      ],
      deleting: [
        'In CloudFormation, choose the stack "claw-cloud" and delete it: the role is gone at once, and sessions end within an hour.',
        'To end a session at once: IAM, "Roles", the role, "Revoke sessions".',
        'Servers go on running and costing. Destroy them here first, or terminate them in the EC2 console: they bear the tag "claw-cloud".',
      ],
      fields: [
        {
          name: 'roleArn',
          label: 'Role ARN',
          placeholder: 'arn:aws:iam::123456789012:role/claw-cloud-Role-…',
          secret: false,
          pattern: '^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}$',
          hint: 'A role ARN begins with "arn:aws:iam::" and your account number.',
        },
      ],
      links: [
        {
          label: 'Open CloudFormation',
          href: 'https://console.aws.amazon.com/cloudformation/home#/stacks/create',
        },
        {
          label: 'AWS on external ids',
          href: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html',
        },
      ],
      policy: {
        title: 'CloudFormation template of the role',
        fileName: 'claw-cloud-role.yaml',
        text: roleTemplate,
      },
    },
    {
      id: 'keys',
      label: 'Access key',
      about: 'A key of a user made for this alone. Quicker to set up; it is valid until you delete it.',
      steps: [
        accountFirst,
        'Open IAM, "Policies", "Create policy", choose "JSON", replace what is there by the policy below, and name it "claw-cloud".',
        'Under "Users" choose "Create user", name it "claw-cloud" and leave console access off. Choose "Attach policies directly" and tick "claw-cloud".',
        'Open the user, choose "Security credentials", then "Create access key" and "Third-party service".',
        'Copy both the access key and the secret access key. AWS shows the secret once; if you lose it, delete the key and make another.',
        'Paste both below. They are sealed in your browser before they leave it.',
      ],
      limiting: [
        'Never use a key of the root user: it may do everything, and nothing can limit it.',
        'The policy lets the key make only what bears the tag "claw-cloud", and change and delete only what bears it.',
        'To take requests from our addresses alone ({egressAddresses}), add a condition on aws:SourceIp to the policy.',
      ],
      deleting: [
        'In IAM, open the user "claw-cloud", "Security credentials", deactivate the key and delete it. It ends at once.',
        'Servers go on running and costing. Destroy them here first, or terminate them in the EC2 console: they bear the tag "claw-cloud".',
      ],
      fields: [
        {
          name: 'accessKeyId',
          label: 'Access key',
          placeholder: 'AKIA…',
          secret: false,
          pattern: '^AKIA[A-Z0-9]{12,124}$',
          hint: 'An access key begins with AKIA. One that begins with ASIA ends within hours and can not be used.',
        },
        {
          name: 'secretAccessKey',
          label: 'Secret access key',
          placeholder: '40 characters',
          secret: true,
          pattern: '^[A-Za-z0-9/+=]{40}$',
          hint: 'A secret access key has exactly 40 characters.',
        },
      ],
      links: [
        { label: 'Open IAM', href: 'https://console.aws.amazon.com/iam/home#/users' },
        {
          label: 'AWS on access keys',
          href: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
        },
      ],
      policy: { title: 'IAM policy of the user', fileName: 'claw-cloud-policy.json', text: policyText },
    },
  ],
  billing: {
    stopped: 'part',
    stoppedNote:
      'AWS bills no computing while a server is off, and gives its public address back. The disk goes on costing, about 3 USD a month.',
    resizeNote:
      'The server is off for a minute or two, and has another public address afterwards. The new price counts from the next second.',
  },
};
