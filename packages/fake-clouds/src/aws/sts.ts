import { stsAnswer, stsRefusal } from './answers.ts';
import type { AwsParts, Call } from './call.ts';

const hour = 3600;

/** STS, which moto would let everyone use for everything. */
export function answerSts({ identities }: AwsParts, call: Call): Response {
  const { identity, params, action } = call;
  if (action === 'GetCallerIdentity') {
    return stsAnswer(
      action,
      `<UserId>AIDA${identity.account}</UserId><Account>${identity.account}</Account><Arn>${identity.arn}</Arn>`,
    );
  }
  if (action !== 'AssumeRole')
    return stsRefusal({ status: 400, code: 'InvalidAction', message: `Could not find operation ${action}` });
  const made = identities.assume(identity, {
    roleArn: params.get('RoleArn') ?? '',
    externalId: params.get('ExternalId'),
    sessionName: params.get('RoleSessionName') ?? '',
    seconds: Number(params.get('DurationSeconds') ?? hour),
  });
  if ('status' in made) return stsRefusal(made);
  return stsAnswer(
    action,
    `<AssumedRoleUser><AssumedRoleId>AROA${made.account}:session</AssumedRoleId><Arn>${made.arn}</Arn></AssumedRoleUser>` +
      `<Credentials><AccessKeyId>${made.accessKeyId}</AccessKeyId><SecretAccessKey>${made.secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${made.session?.token}</SessionToken><Expiration>${made.session?.expiresAt.toISOString()}</Expiration></Credentials>`,
  );
}
