import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import { usersUrl } from './meanings.ts';

/** A key and its secret, of a user or of a session. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type AwsSecret =
  | { readonly method: 'keys'; readonly keys: Keys }
  | { readonly method: 'role'; readonly roleArn: string };

const keyShape = /^AKIA[A-Z0-9]{12,124}$/;
const secretShape = /^[A-Za-z0-9/+=]{40}$/;
const roleShape = /^arn:aws:iam::\d{12}:role\/[A-Za-z0-9+=,.@_/-]{1,576}$/;

const rejected = (message: string, fix: string): ProductError =>
  new ProductError('credential_rejected', message, fix, { link: usersUrl });

/** The credential's fields, looked at before anything is asked. Raises `credential_rejected`. */
export function secretOf(credential: OpenCredential): AwsSecret {
  return credential.use(({ method, roleArn = '', accessKeyId = '', secretAccessKey = '' }) => {
    if (method === 'role') {
      if (roleShape.test(roleArn)) return { method, roleArn };
      throw rejected(
        'This is not the ARN of a role.',
        'Copy RoleArn from the outputs of the stack in CloudFormation.',
      );
    }
    if (accessKeyId.startsWith('ASIA')) {
      throw rejected(
        'This access key belongs to a session: it ends within hours.',
        'Make an access key for a user in IAM, or use a role.',
      );
    }
    if (!keyShape.test(accessKeyId) || !secretShape.test(secretAccessKey)) {
      throw rejected(
        'This is not an access key of AWS: the key begins with AKIA, and its secret has 40 characters.',
        'Copy both parts again, or make a new key for the user in IAM.',
      );
    }
    return { method: 'keys', keys: { accessKeyId, secretAccessKey } };
  });
}
