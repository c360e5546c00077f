import { createHash, randomUUID } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { getCACertificates } from 'node:tls';

/** A file of the outside world, as it is kept on this computer. */
export interface Kept {
  status: number;
  file: string;
  size: number;
  headers: Record<string, string>;
}

/** What is written down about a kept file; `body` is its name. */
interface Note extends Omit<Kept, 'file'> {
  at: number;
  body: string;
}

export interface Store {
  /**
   * The file at `url`, from here or else from there. What changes under one address is asked for again after an
   * hour; when that fails, what is kept serves. Raises when it is nowhere.
   */
  get(url: string, options: { immutable: boolean; accept?: string }): Promise<Kept>;
}

const freshMs = 3_600_000;
const awayMs = 60_000;
const upstreamMs = 300_000;
const answerMs = 20_000;
const keptHeaders = ['content-type', 'etag', 'last-modified'];

const sockets = { keepAlive: true, maxSockets: 12, timeout: answerMs };
let agents: { http: http.Agent; https: https.Agent } | undefined;

/** Trusts whom this computer trusts: behind a company's proxy, more than Node alone. */
function agentsOf() {
  agents ??= {
    http: new http.Agent(sockets),
    https: new https.Agent({
      ...sockets,
      ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])],
    }),
  };
  return agents;
}

function request(url: string, accept: string, redirects = 5): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const isSecure = url.startsWith('https:');
  const { get } = isSecure ? https : http;
  const agent = isSecure ? agentsOf().https : agentsOf().http;
  const signal = AbortSignal.timeout(upstreamMs);
  const call = get(
    url,
    { headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'lab' }, signal, agent },
    (response) => {
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location && redirects > 0) {
        response.resume();
        resolve(request(new URL(headers.location, url).href, accept, redirects - 1));
      } else resolve(response);
    },
  );
  call.setTimeout(answerMs, () => call.destroy(new Error(`no answer in ${answerMs} ms`)));
  call.once('error', reject);
  return promise;
}

/** Opens the store in `folder`, shared by all labs of this computer. */
export function openStore(folder: string, now: () => number): Store {
  mkdirSync(folder, { recursive: true });
  const underway = new Map<string, Promise<Kept>>();

  function kept(key: string): (Kept & { at: number }) | undefined {
    const note = `${key}.json`;
    if (!existsSync(note)) return undefined;
    const { body, ...rest } = JSON.parse(readFileSync(note, 'utf8')) as Note;
    const file = join(dirname(key), body);
    return existsSync(file) ? { ...rest, file } : undefined;
  }

  async function fetchInto(key: string, url: string, accept: string): Promise<Kept> {
    const response = await request(url, accept);
    const status = response.statusCode ?? 0;
    if (status !== 200 && status !== 404) {
      response.resume();
      throw new Error(`${status}`);
    }
    // A body of its own for each answer: whoever reads the last one while this is written reads it to its end.
    const body = `${basename(key)}.${randomUUID()}`;
    const file = join(dirname(key), body);
    try {
      await pipeline(response, createWriteStream(file));
      const { size } = statSync(file);
      const promised = response.headers['content-length'];
      if (promised !== undefined && Number(promised) !== size) throw new Error('cut off');
      const headers = Object.fromEntries(
        keptHeaders.flatMap((name) => {
          const value = response.headers[name];
          return typeof value === 'string' ? [[name, value]] : [];
        }),
      );
      const last = kept(key);
      writeFileSync(
        `${file}.note`,
        JSON.stringify({ status, size, headers, at: now(), body } satisfies Note),
      );
      renameSync(`${file}.note`, `${key}.json`);
      if (last) setTimeout(() => rmSync(last.file, { force: true }), 30_000).unref();
      return { status, size, headers, file };
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    }
  }

  /** Twice, as a connection may have ended while it was idle. */
  async function fetchAgain(key: string, url: string, accept: string): Promise<Kept> {
    return fetchInto(key, url, accept).catch(() => fetchInto(key, url, accept));
  }

  // After a failure what is kept serves at once for a while: a test must not wait for a world that is away.
  let awayUntil = 0;

  return {
    async get(url, { immutable, accept = '*/*' }) {
      const hash = createHash('sha256').update(`${url} ${accept}`).digest('hex');
      mkdirSync(join(folder, hash.slice(0, 2)), { recursive: true });
      const key = join(folder, hash.slice(0, 2), hash);
      const old = kept(key);
      if (old && ((immutable && old.status === 200) || now() - old.at < freshMs)) return old;
      if (old && now() < awayUntil) return old;
      let fetching = underway.get(key);
      if (!fetching) {
        fetching = fetchAgain(key, url, accept).finally(() => underway.delete(key));
        underway.set(key, fetching);
      }
      return fetching.catch((error: unknown) => {
        awayUntil = now() + awayMs;
        if (old) return old;
        throw error;
      });
    },
  };
}
