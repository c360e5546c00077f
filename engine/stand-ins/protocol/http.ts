import { Agent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
};

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
};

/** How the official provider's client tries again. */
export type Retries = {
  /** Further attempts after the first. */
  readonly most: number;
  readonly shortestMs: number;
  readonly longestMs: number;
  /** Answers after which it tries again. */
  shouldRetry(answer: HttpAnswer): boolean;
  /** Whether it tries again without any answer. @default true */
  readonly withoutAnswer?: boolean;
};

const answerLimitBytes = 8 * 1024 * 1024;
/** One attempt; the longest answer of a cloud takes a few seconds. */
const attemptLimitMs = 60_000;
/** A wait the cloud asks for is honoured up to here. */
const longestRetryAfterMs = 120_000;

const agents = { 'http:': new Agent({ keepAlive: true }), 'https:': new TlsAgent({ keepAlive: true }) };

/** One attempt. Raises an error without an answer, or with one larger than 8 MB. */
export function attempt({ method, url, headers, body }: HttpRequest): Promise<HttpAnswer> {
  const start = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const agent = url.protocol === 'https:' ? agents['https:'] : agents['http:'];
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = start(url, {
      method,
      headers: { ...headers, ...length },
      agent,
      timeout: attemptLimitMs,
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`${method} ${url}: no answer in time`)));
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      const parts: Buffer[] = [];
      let size = 0;
      incoming.on('data', (part: Buffer) => {
        size += part.length;
        if (size > answerLimitBytes) incoming.destroy(new Error(`${method} ${url}: the answer is too long`));
        else parts.push(part);
      });
      incoming.once('error', reject);
      incoming.once('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
          ),
          text: Buffer.concat(parts).toString('utf8'),
        }),
      );
    });
    outgoing.end(body);
  });
}

/**
 * Sends until there is an answer that isn't worth another attempt: the last answer, whatever it says. Raises what the
 * last attempt raised, with the number of attempts in the words of the official clients.
 */
export async function send(request: HttpRequest, retries: Retries, signal: AbortSignal): Promise<HttpAnswer> {
  for (let count = 0; ; count += 1) {
    const last = count >= retries.most;
    const answer = await attempt(request).catch((error: unknown) => {
      if (!last && retries.withoutAnswer !== false) return null;
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${request.method} ${request.url} giving up after ${count + 1} attempt(s): ${sentence(request)}: ${reason}`,
      );
    });
    if (answer && (last || !retries.shouldRetry(answer))) return answer;
    await delay(pauseMs(count, retries, answer), undefined, { signal });
  }
}

const sentence = ({ method, url }: HttpRequest) =>
  `${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}"`;

function pauseMs(count: number, { shortestMs, longestMs }: Retries, answer: HttpAnswer | null): number {
  const busy = answer?.status === 429 || answer?.status === 503;
  const asked = busy ? Number(answer.headers['retry-after']) : 0;
  if (asked > 0) return Math.min(asked * 1000, longestRetryAfterMs);
  return Math.min(shortestMs * 2 ** count, longestMs);
}
