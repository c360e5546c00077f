import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import type { SeenRequest } from '../cloud.ts';
import { ec2Refusal, jsonRefusal, type Refusal, stsRefusal } from './answers.ts';
import type { AwsParts, Call } from './call.ts';
import { answerEc2, unauthorized } from './ec2.ts';
import { strike } from './faults.ts';
import { answerPricing, answerQuotas } from './pricing.ts';
import { signatureHolds } from './signature.ts';
import { answerSts } from './sts.ts';

interface Env {
  Bindings: { incoming?: { socket?: { destroy(): void } } };
}

const maxSeen = 20_000;
const cutOnPurpose = 'The pretend AWS cut this connection on purpose.';
const hourMs = 3_600_000;
const credentialScope = /Credential=([^/]+)\/\d{8}\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request/;

const refuseLike: Readonly<Record<string, (refusal: Refusal) => Response>> = {
  ec2: ec2Refusal,
  sts: stsRefusal,
};
const jsonCodes: Readonly<Record<string, string>> = {
  AuthFailure: 'UnrecognizedClientException',
  RequestExpired: 'ExpiredTokenException',
  UnauthorizedOperation: 'AccessDeniedException',
  RequestLimitExceeded: 'ThrottlingException',
  InternalError: 'InternalServerException',
};
const stsCodes: Readonly<Record<string, string>> = {
  AuthFailure: 'InvalidClientTokenId',
  RequestExpired: 'ExpiredToken',
  UnauthorizedOperation: 'AccessDenied',
  RequestLimitExceeded: 'Throttling',
};

/** Each service says the same in its own words. */
function refuse(service: string, refusal: Refusal): Response {
  const codes = service === 'ec2' ? {} : service === 'sts' ? stsCodes : jsonCodes;
  const said = { ...refusal, code: codes[refusal.code] ?? refusal.code };
  return (refuseLike[service] ?? jsonRefusal)(said);
}

const unknownKey: Refusal = {
  status: 401,
  code: 'AuthFailure',
  message: 'AWS was not able to validate the provided access credentials',
};

/** The layer that clients talk to, in front of moto: who calls, what goes wrong on purpose, and AWS's own strictness. */
export function createAwsApp(parts: AwsParts, requestsPerHour: number) {
  const seen: SeenRequest[] = [];
  const counts = new Map<string, { from: number; count: number }>();

  function tooMany(key: string): boolean {
    const now = parts.now().getTime();
    const entry = counts.get(key);
    if (!entry || now - entry.from >= hourMs) {
      counts.set(key, { from: now, count: 1 });
      return false;
    }
    entry.count += 1;
    return entry.count > requestsPerHour;
  }

  const app = new Hono<Env>();
  app.post('/', async (c) => {
    const body = await c.req.text();
    const authorization = c.req.header('authorization') ?? '';
    const [, accessKeyId = '', region = '', service = ''] = credentialScope.exec(authorization) ?? [];
    const target = c.req.header('x-amz-target');
    const params = new URLSearchParams(target === undefined ? body : '');
    const action = target?.split('.').at(-1) ?? params.get('Action') ?? '';

    const answerIt = async (): Promise<Response> => {
      const identity = parts.identities.identify(accessKeyId, c.req.header('x-amz-security-token'));
      if (identity === 'unknown') return refuse(service, unknownKey);
      if (identity === 'expired')
        return refuse(service, { status: 400, code: 'RequestExpired', message: 'Request has expired.' });
      if (!signatureHolds(c.req.raw, body, identity.secretAccessKey)) return refuse(service, unknownKey);
      if (tooMany(accessKeyId))
        return refuse(service, {
          status: 503,
          code: 'RequestLimitExceeded',
          message: 'Request limit exceeded.',
        });
      const call: Call = { service, region, action, identity, params, body };
      const disconnect = (): never => {
        c.env?.incoming?.socket?.destroy();
        throw new Error(cutOnPurpose);
      };
      return strike(
        parts,
        call,
        disconnect,
        () => carryOut(call),
        (refusal) => refuse(service, refusal),
      );
    };

    // A connection that is cut gets no answer, and was a request all the same.
    let status = 0;
    try {
      const answer = await answerIt();
      status = answer.status;
      return answer;
    } finally {
      note({
        path: action,
        query: `?service=${service}&region=${region}`,
        status,
        body,
        accessKeyId,
        userAgent: c.req.header('user-agent') ?? '',
      });
    }
  });
  app.onError((error) =>
    ec2Refusal({
      status: 500,
      code: 'InternalError',
      message: error.message === cutOnPurpose ? error.message : String(error.stack),
    }),
  );

  function note({
    accessKeyId,
    ...request
  }: Omit<SeenRequest, 'method' | 'credential'> & { accessKeyId: string }): void {
    const mark = createHash('sha256').update(accessKeyId).digest('hex').slice(0, 12);
    seen.push({ method: 'POST', ...request, credential: `sha256:${mark}` });
    if (seen.length > maxSeen) seen.splice(0, seen.length - maxSeen);
  }

  async function carryOut(call: Call): Promise<Response> {
    if (call.service === 'ec2') return answerEc2(parts, call);
    if (call.service === 'sts') return answerSts(parts, call);
    const refusal = unauthorized(call);
    if (refusal) return refuse(call.service, refusal);
    if (call.service === 'pricing') return answerPricing(call.action, call.body);
    if (call.service === 'servicequotas') return answerQuotas(call.action, call.body, parts.vcpuLimit);
    return refuse(call.service, {
      status: 400,
      code: 'UnknownOperationException',
      message: `There is no service ${call.service} here.`,
    });
  }

  return { app, seen: () => [...seen] };
}
