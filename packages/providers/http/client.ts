import { setTimeout as delay } from 'node:timers/promises';
import { type CredentialSecret, ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, ProviderOptions } from '../provider.ts';
import { askedAgain, type RefusedAnswer, referenceOf, unreadable } from './answer.ts';

const tries = 4;
const firstPauseMs = 300;
const longestPauseMs = 20_000;
const maxPages = 200;
const maxAnswerBytes = 8 * 1024 * 1024;

export type Query = Readonly<Record<string, string | number | undefined>>;
export type JsonObject = Record<string, unknown>;

/** What is particular to a cloud that speaks JSON over HTTPS. */
export interface JsonCloud {
  /** Where its API answers, version included, without a slash at the end. */
  readonly publicEndpoint: string;
  /** The headers that carry the credential; called inside `use`, kept nowhere. */
  authorization(secret: CredentialSecret): Readonly<Record<string, string>>;
  /** The product's error for an answer that is neither 2xx nor 404. Texts of the cloud are not passed on. */
  answeredError(answer: RefusedAnswer): ProductError;
  /** The product's error for an API that wasn't reached within the time. */
  unreachable(host: string, cause: unknown): ProductError;
  /** What a list's first page is asked with, e.g. its size. */
  readonly firstPage: Query;
  /** What the page after `body` is asked with beside the list's own query; null after the last. */
  nextPage(body: JsonObject, asked: Query): Query | null;
}

export interface JsonClient {
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  /** A safe read: tried up to four times. `null` for 404. */
  get(credential: OpenCredential, path: string, query?: Query): Promise<JsonObject | null>;
  /** Every row of a list, to the last page. Raises `cloud_unexpected` where it has no end or no list. */
  list(credential: OpenCredential, path: string, field: string, query?: Query): Promise<JsonObject[]>;
  /**
   * Sent once: what has an effect is never repeated blindly. Only a 429, by which the cloud says that it did nothing,
   * is waited out and tried again. `null` for 404.
   */
  send(
    credential: OpenCredential,
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: JsonObject,
    query?: Query,
  ): Promise<JsonObject | null>;
}

type Answer =
  | { readonly ok: true; readonly body: JsonObject | null }
  | { readonly ok: false; readonly error: ProductError; readonly again: Date | null };

const passing: Readonly<Record<'read' | 'write', readonly string[]>> = {
  read: ['cloud_unavailable', 'cloud_maintenance', 'cloud_rate_limited', 'resource_locked'],
  write: ['cloud_rate_limited'],
};

/** The error of a limit tells when it ends, so that the work can wait in the queue until then. */
function withTime(error: ProductError, again: Date | null): ProductError {
  if (error.code !== 'cloud_rate_limited' || again === null) return error;
  const { code, message, fix, options } = error;
  return new ProductError(code, message, fix, { ...options, again: again.toISOString() });
}

/**
 * Talks to a cloud's JSON API: every request ends within its time and follows no redirect, every answer is bounded;
 * reads are tried again after growing, jittered pauses that honour what the cloud asks for, writes are not.
 */
export function createJsonClient(cloud: JsonCloud, options: ProviderOptions): JsonClient {
  const endpoint = (options.endpoint ?? cloud.publicEndpoint).replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? 15_000;
  const doFetch = options.fetch ?? fetch;
  const now = options.now ?? (() => new Date());
  const random = options.random ?? Math.random;
  const sleep =
    options.sleep ??
    ((ms: number) => delay(ms, undefined, options.signal === undefined ? {} : { signal: options.signal }));

  async function once(
    credential: OpenCredential,
    method: string,
    path: string,
    query: Query,
    body?: JsonObject,
  ): Promise<Answer> {
    const url = new URL(`${endpoint}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await credential.use((secret) =>
        doFetch(url, {
          method,
          // A redirect would carry the credential to wherever it points.
          redirect: 'error',
          signal: options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]),
          headers: {
            ...cloud.authorization(secret),
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      const text = await readBounded(response);
      if (response.status === 404) return { ok: true, body: null };
      const parsed = parseObject(text);
      if (response.ok && (parsed !== undefined || text === '')) return { ok: true, body: parsed ?? {} };
      const again = askedAgain(response.status, response.headers, now());
      const error = cloud.answeredError({
        status: response.status,
        body: parsed,
        headers: response.headers,
        again,
        reference: referenceOf(response.headers, parsed),
      });
      return { ok: false, error: withTime(error, again), again };
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (error instanceof ProductError) throw error;
      return { ok: false, error: cloud.unreachable(new URL(endpoint).host, error), again: null };
    }
  }

  async function patiently(
    kind: 'read' | 'write',
    attemptOnce: () => Promise<Answer>,
  ): Promise<JsonObject | null> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await attemptOnce();
      if (answer.ok) return answer.body;
      if (!passing[kind].includes(answer.error.code) || attempt === tries) throw answer.error;
      const backoffMs = firstPauseMs * 2 ** (attempt - 1) * (0.5 + random());
      const askedMs = answer.again === null ? 0 : answer.again.getTime() - now().getTime();
      const pauseMs = Math.max(askedMs, backoffMs);
      // A limit that lifts much later is for the queue to wait out, not for a process that holds a credential.
      if (pauseMs > longestPauseMs) throw answer.error;
      await sleep(pauseMs);
    }
  }

  const get = (credential: OpenCredential, path: string, query: Query = {}) =>
    patiently('read', () => once(credential, 'GET', path, query));

  return {
    now,
    sleep,
    random,
    get,
    async list(credential, path, field, query = {}) {
      const rows: JsonObject[] = [];
      let asked: Query | null = cloud.firstPage;
      for (let pages = 0; asked !== null; pages += 1) {
        if (pages === maxPages) throw unreadable(`a list of ${field} without an end`);
        const body: JsonObject | null = await get(credential, path, { ...query, ...asked });
        const found = body?.[field];
        if (!body || !Array.isArray(found)) throw unreadable(`no list of ${field}`);
        rows.push(...found);
        asked = cloud.nextPage(body, asked);
      }
      return rows;
    },
    send: (credential, method, path, body, query = {}) =>
      patiently('write', () => once(credential, method, path, query, body)),
  };
}

async function readBounded(response: Response): Promise<string> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw unreadable('an answer larger than 8 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
