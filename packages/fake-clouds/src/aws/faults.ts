import { setTimeout as delay } from 'node:timers/promises';
import type { FaultKind } from '../faults/faults.ts';
import type { Refusal } from './answers.ts';
import type { AwsParts, Call } from './call.ts';
import { faultTarget } from './run-instances.ts';

const maxHangMs = 600_000;
const defaultSlowMs = 2_000;

/** What AWS says, as recorded or documented, where a fault has it refuse. */
export const refusals: Partial<Record<FaultKind, Refusal>> = {
  quota: {
    status: 400,
    code: 'VcpuLimitExceeded',
    message:
      'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
  },
  primary_ip_quota: {
    status: 400,
    code: 'AddressLimitExceeded',
    message: 'The maximum number of addresses has been reached.',
  },
  rate_limit: { status: 503, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' },
  unauthorized: {
    status: 401,
    code: 'AuthFailure',
    message: 'AWS was not able to validate the provided access credentials',
  },
  forbidden: {
    status: 403,
    code: 'UnauthorizedOperation',
    message: 'You are not authorized to perform this operation.',
  },
  account_locked: {
    status: 400,
    code: 'Blocked',
    message:
      'This account is currently blocked and not recognized as a valid account. Please contact https://support.console.aws.amazon.com/support/home?region=us-east-1#/case/create?issueType=customer-service&serviceCode=account-management&categoryCode=account-verification if you have questions.',
  },
  billing_missing: {
    status: 401,
    code: 'OptInRequired',
    message: 'You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.',
  },
  conflict: {
    status: 400,
    code: 'DependencyViolation',
    message: 'The resource has a dependent object',
  },
  locked: {
    status: 400,
    code: 'IncorrectInstanceState',
    message: 'The instance is not in a state from which it can be changed.',
  },
  maintenance: {
    status: 503,
    code: 'Unavailable',
    message: 'The service is unavailable. Please try again shortly.',
  },
  sold_out: {
    status: 500,
    code: 'InsufficientInstanceCapacity',
    message: 'We currently do not have sufficient capacity in the Availability Zone you requested.',
  },
  error_before_effect: {
    status: 500,
    code: 'InternalError',
    message: 'An internal error has occurred',
  },
};

const makes: Readonly<Record<string, 'server' | 'firewall'>> = {
  RunInstances: 'server',
  CreateSecurityGroup: 'firewall',
};

/** How the switched-on faults treat a request: an answer instead of the route's, or one after it. */
export async function strike(
  parts: AwsParts,
  call: Call,
  disconnect: () => never,
  carryOut: () => Promise<Response>,
  refuse: (refusal: Refusal) => Response,
): Promise<Response> {
  // Nothing is made by asking whether it could be.
  const dry = call.params.get('DryRun') === 'true';
  const target = faultTarget(call, dry ? undefined : makes[call.action]);
  const take = (kinds: FaultKind[]) => parts.faults.take(kinds, target);
  const wait = (ms: number) =>
    delay(Math.min(ms, maxHangMs), undefined, { signal: parts.closing, ref: false }).catch(() => undefined);

  const slow = take(['slow_api']);
  if (slow) await wait(slow.delayMs ?? defaultSlowMs);
  const hang = take(['hang']);
  if (hang) {
    await wait(hang.delayMs ?? maxHangMs);
    disconnect();
  }
  const before = take([...(Object.keys(refusals) as FaultKind[]), 'disconnect_before_effect']);
  if (before) {
    const refusal = refusals[before.kind];
    return refusal ? refuse(refusal) : disconnect();
  }
  const answer = await carryOut();
  if (!answer.ok || dry) return answer;
  const after = take(['error_after_effect', 'disconnect_after_effect']);
  if (after?.kind === 'disconnect_after_effect') disconnect();
  return after
    ? refuse({ status: 500, code: 'InternalError', message: 'An internal error has occurred' })
    : answer;
}
