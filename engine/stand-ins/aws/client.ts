import { type Retries, send } from '../protocol/http.ts';
import type { Provider, Work } from '../protocol/resource.ts';
import { object, objects, type Properties, text, type Value } from '../protocol/values.ts';
import { type AwsKeys, signedHeaders } from './signature.ts';
import { readXml } from './xml.ts';

/** What the official provider asks EC2 with. */
export type Ec2 = {
  readonly region: string;
  /** One action of the query protocol; lists in `params` are numbered, objects are joined by dots. */
  call(action: string, params: Properties, signal: AbortSignal): Promise<Properties>;
  /** All pages of a describing action, as the entries of one list in its answers. */
  all(action: string, params: Properties, set: string, signal: AbortSignal): Promise<Properties[]>;
};

/** A refusal, in the words of aws-sdk-go-v2. */
export class Ec2Error extends Error {
  override name = 'Ec2Error';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const version = '2016-11-15';
const usualAttempts = 25;
const mostPages = 100;
const throttling =
  /^(?:Throttl(?:ing|ed)(?:Exception)?|RequestThrottled(?:Exception)?|TooManyRequestsException|RequestLimitExceeded|BandwidthLimitExceeded|LimitExceededException|SlowDown|PriorRequestNotComplete|EC2ThrottledException|RequestTimeout(?:Exception)?)$/;

/** Raises an error without a region or keys. Neither the account nor the keys are asked for beforehand. */
export const connect: Provider<Ec2>['connect'] = (args, { environment, imitateWaits }) => {
  const region = text(args.region) || environment.AWS_REGION || environment.AWS_DEFAULT_REGION || '';
  if (!region) throw new Error('Missing region configuration');
  const accessKey = text(args.accessKey) || environment.AWS_ACCESS_KEY_ID;
  const secretKey = text(args.secretKey) || environment.AWS_SECRET_ACCESS_KEY;
  const token = text(args.token) || environment.AWS_SESSION_TOKEN;
  if (!accessKey || !secretKey) throw new Error('No valid credential sources found');
  const keys: AwsKeys = { accessKey, secretKey, ...(token ? { token } : {}) };
  const endpoint =
    objects(args.endpoints)
      .map(({ ec2 }) => text(ec2))
      .find(Boolean) ||
    environment.AWS_ENDPOINT_URL_EC2 ||
    environment.AWS_ENDPOINT_URL ||
    `https://ec2.${region}.amazonaws.com`;
  const url = new URL(endpoint.endsWith('/') ? endpoint : `${endpoint}/`);
  const attempts = Math.max(1, Number(args.maxRetries ?? usualAttempts));
  const retries: Retries = {
    most: attempts - 1,
    shortestMs: imitateWaits ? 500 : 20,
    longestMs: imitateWaits ? 20_000 : 200,
    shouldRetry: ({ status, text: body }) =>
      [500, 502, 503, 504].includes(status) || (status >= 400 && throttling.test(refusalIn(body).code)),
  };

  async function call(action: string, params: Properties, signal: AbortSignal): Promise<Properties> {
    const body = formOf({ Action: action, Version: version, ...params });
    const headers = signedHeaders({ url, body, service: 'ec2', region, now: new Date() }, keys);
    const answer = await send(
      { method: 'POST', url, headers: { ...headers, 'user-agent': 'pulumi-aws-stand-in' }, body },
      retries,
      signal,
    ).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `operation error EC2: ${action}, https response error StatusCode: 0, RequestID: , request send failed, ${reason}`,
        { cause: error },
      );
    });
    if (answer.status >= 200 && answer.status < 300) return object(Object.values(readXml(answer.text))[0]);
    const { code, message, requestId } = refusalIn(answer.text);
    const tired = retries.shouldRetry(answer) ? `exceeded maximum number of attempts, ${attempts}, ` : '';
    throw new Ec2Error(
      code,
      `operation error EC2: ${action}, ${tired}https response error StatusCode: ${answer.status}, RequestID: ${requestId}, api error ${code}: ${message}`,
    );
  }

  return {
    region,
    call,
    async all(action, params, set, signal) {
      const entries: Properties[] = [];
      let next = '';
      for (let page = 0; page < mostPages; page += 1) {
        const answer = await call(action, { ...params, ...(next ? { NextToken: next } : {}) }, signal);
        entries.push(...objects(answer[set]));
        next = text(answer.nextToken);
        if (next === '') return entries;
      }
      throw new Error(`operation error EC2: ${action}, more than ${mostPages} pages`);
    },
  };
};

function refusalIn(body: string): { code: string; message: string; requestId: string } {
  const part = (name: string) => new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'i').exec(body)?.[1] ?? '';
  const message = part('Message').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return {
    code: part('Code') || 'UnknownError',
    message: message || 'UnknownError',
    requestId: part('RequestID'),
  };
}

/** The query protocol's form: `Filter.1.Value.2=…`; what is empty is left out. */
function formOf(params: Properties): string {
  const form = new URLSearchParams();
  const put = (name: string, value: Value) => {
    if (value === null || value === '') return;
    if (Array.isArray(value)) {
      value.forEach((entry, index) => {
        put(`${name}.${index + 1}`, entry);
      });
    } else if (typeof value === 'object') {
      for (const [key, entry] of Object.entries(value)) put(name === '' ? key : `${name}.${key}`, entry);
    } else {
      form.set(name, String(value));
    }
  };
  put('', params);
  return form.toString();
}

/** Runs a step and puts the official provider's words before what it raises. */
export async function named<T>(words: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Ec2Error) throw new Ec2Error(error.code, `${words}: ${error.message}`);
    throw new Error(`${words}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Whether an error is one of these refusals. */
export function isRefusal(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Ec2Error && codes.includes(error.code);
}

/** The first entry of a describing action, or null when EC2 says that there is none. */
export async function one(
  { client, signal }: Work<Ec2>,
  action: string,
  params: Properties,
  set: string,
): Promise<Properties | null> {
  try {
    return (await client.all(action, params, set, signal))[0] ?? null;
  } catch (error) {
    if (error instanceof Ec2Error && /NotFound$/.test(error.code)) return null;
    throw error;
  }
}

/** EC2's filters. */
export const filters = (wanted: Readonly<Record<string, string | readonly string[]>>): Value =>
  Object.entries(wanted).map(([Name, values]) => ({ Name, Value: [values].flat() }));

/** Repeats a call while it is refused with one of these codes, for as long as the official provider does. */
export async function whileRefused<T>(
  { waiting, signal }: Work<Ec2>,
  { codes, limitMs }: { codes: readonly string[]; limitMs: number },
  call: () => Promise<T>,
): Promise<T> {
  let refusal: unknown;
  let answer: T | undefined;
  const end = performance.now() + limitMs;
  await waiting.poll({
    delayMs: 0,
    everyMs: 1_000,
    limitMs: limitMs * 2,
    signal,
    pending: ['refused'],
    target: ['done'],
    async ask() {
      try {
        answer = await call();
        refusal = undefined;
        return { value: undefined, state: 'done' };
      } catch (error) {
        if (!isRefusal(error, ...codes) || performance.now() > end) throw error;
        refusal = error;
        return { value: undefined, state: 'refused' };
      }
    },
  });
  if (refusal) throw refusal;
  return answer as T;
}

/** Waits until a thing that was there isn't. */
export async function untilGone(
  { waiting, signal }: Work<Ec2>,
  limitMs: number,
  find: () => Promise<Properties | null>,
): Promise<void> {
  await waiting.poll({
    delayMs: 0,
    everyMs: 1_000,
    limitMs,
    signal,
    pending: ['there'],
    target: ['gone'],
    ask: async () => ({ value: undefined, state: (await find()) === null ? 'gone' : 'there' }),
  });
}
