import { setTimeout as delay } from 'node:timers/promises';
import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential, ProviderOptions } from '../provider.ts';
import { answeredError, unreachable } from './errors.ts';

export const publicEndpoint = 'https://api.hetzner.cloud/v1';

const tries = 4;
const firstPauseMs = 300;
const longestPauseMs = 20_000;
const pageSize = 50;
const maxPages = 200;
const maxAnswerBytes = 8 * 1024 * 1024;

export type Query = Record<string, string | number | undefined>;

export interface HetznerClient {
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  /** A safe read: tried up to four times. `null` for 404. */
  get(credential: OpenCredential, path: string, query?: Query): Promise<Record<string, unknown> | null>;
  /** Every row of a list, to the last page. Raises `cloud_unexpected` beyond 10,000 rows. */
  list(
    credential: OpenCredential,
    path: string,
    field: string,
    query?: Query,
  ): Promise<Record<string, unknown>[]>;
  /** Sent once: what has an effect is never repeated blindly. `null` for 404. */
  send(
    credential: OpenCredential,
    method: 'POST' | 'DELETE',
    path: string,
    body?: Record<string, unknown>,
  ): Promise<Record<string, unknown> | null>;
}

type Answer =
  | { readonly ok: true; readonly body: Record<string, unknown> | null }
  | { readonly ok: false; readonly error: ProductError; readonly pauseMs: number | null };

/** Talks to a Hetzner Cloud API; reads are retried with growing, jittered pauses, writes are not. */
export function createClient(options: ProviderOptions): HetznerClient {
  const endpoint = (options.endpoint ?? publicEndpoint).replace(/\/+$/, '');
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
    body?: Record<string, unknown>,
  ): Promise<Answer> {
    const url = new URL(`${endpoint}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await credential.use((secret) =>
        doFetch(url, {
          method,
          // A redirect would carry the token to wherever it points.
          redirect: 'error',
          signal: options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]),
          headers: {
            authorization: `Bearer ${secret.token}`,
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
      return {
        ok: false,
        error: answeredError(response.status, parsed),
        pauseMs: askedPause(response.headers, now()),
      };
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (error instanceof ProductError) throw error;
      return { ok: false, error: unreachable(new URL(endpoint).host, error), pauseMs: null };
    }
  }

  async function get(credential: OpenCredential, path: string, query: Query = {}) {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(credential, 'GET', path, query);
      if (answer.ok) return answer.body;
      const passing = ['cloud_unavailable', 'cloud_rate_limited'].includes(answer.error.code);
      if (!passing || attempt === tries) throw answer.error;
      const backoff = firstPauseMs * 2 ** (attempt - 1) * (0.5 + random());
      const pauseMs = Math.max(answer.pauseMs ?? 0, backoff);
      // A limit that lifts much later is for the queue to wait out, not for a process that holds a credential.
      if (pauseMs > longestPauseMs) throw answer.error;
      await sleep(pauseMs);
    }
  }

  return {
    now,
    sleep,
    random,
    get,
    async list(credential, path, field, query = {}) {
      const rows: Record<string, unknown>[] = [];
      let page: number | null = 1;
      for (let pages = 0; page !== null; pages += 1) {
        if (pages === maxPages) throw unexpected(`a list of ${field} without an end`);
        const body: Record<string, unknown> | null = await get(credential, path, {
          ...query,
          page,
          per_page: pageSize,
        });
        const found = body?.[field];
        if (!Array.isArray(found)) throw unexpected(`no list of ${field}`);
        rows.push(...found);
        const next = (body?.meta as { pagination?: { next_page?: unknown } } | undefined)?.pagination
          ?.next_page;
        page = typeof next === 'number' && next > page ? next : null;
      }
      return rows;
    },
    async send(credential, method, path, body) {
      const answer = await once(credential, method, path, {}, body);
      if (answer.ok) return answer.body;
      throw answer.error;
    },
  };
}

function unexpected(what: string): ProductError {
  return new ProductError(
    'cloud_unexpected',
    `The cloud answered in a way we don't understand: ${what}.`,
    'Try again. If it stays, tell us: the cloud may have changed its interface.',
  );
}

async function readBounded(response: Response): Promise<string> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw unexpected('an answer larger than 8 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds the answer asks to wait: `Retry-After` in seconds, or `RateLimit-Reset` as a Unix time. */
function askedPause(headers: Headers, now: Date): number | null {
  const after = Number(headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(after) && after >= 0) return after * 1000;
  const remaining = headers.get('ratelimit-remaining');
  const reset = Number(headers.get('ratelimit-reset') ?? Number.NaN);
  if (remaining === '0' && Number.isFinite(reset)) return Math.max(0, reset * 1000 - now.getTime());
  return null;
}
