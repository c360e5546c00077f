import { type HttpRequest, type Retries, send } from '../protocol/http.ts';
import type { Provider, Work } from '../protocol/resource.ts';
import { type Properties, text } from '../protocol/values.ts';

/** What the official provider asks DigitalOcean with. */
export type DigitalOcean = {
  call(method: HttpRequest['method'], path: string, signal: AbortSignal, body?: unknown): Promise<Properties>;
};

/** An answer that is no success, in godo's words. */
export class DigitalOceanError extends Error {
  override name = 'DigitalOceanError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const ownAddress = 'https://api.digitalocean.com';
const seconds = 1000;

/** Raises an error without a token. */
export const connect: Provider<DigitalOcean>['connect'] = (args, { environment, imitateWaits }) => {
  const token = text(args.token) || environment.DIGITALOCEAN_TOKEN || environment.DIGITALOCEAN_ACCESS_TOKEN;
  if (!token) throw new Error('token is required to sign in to DigitalOcean');
  const base = text(args.apiEndpoint) || environment.DIGITALOCEAN_API_URL || ownAddress;
  const most = Number(args.httpRetryMax ?? environment.DIGITALOCEAN_HTTP_RETRY_MAX ?? 4);
  const shortest = Number(args.httpRetryWaitMin ?? environment.DIGITALOCEAN_HTTP_RETRY_WAIT_MIN ?? 1);
  const longest = Number(args.httpRetryWaitMax ?? environment.DIGITALOCEAN_HTTP_RETRY_WAIT_MAX ?? 30);
  const retries: Retries = {
    most,
    shortestMs: imitateWaits ? shortest * seconds : 20,
    longestMs: imitateWaits ? longest * seconds : 500,
    // Whatever was asked for: a creation that failed after its effect is sent a second time.
    shouldRetry: ({ status }) => status === 429 || (status >= 500 && status !== 501),
  };
  return {
    async call(method, path, signal, body) {
      const url = new URL(path, base);
      const answer = await send(
        {
          method,
          url,
          headers: {
            authorization: `Bearer ${token}`,
            accept: 'application/json',
            'user-agent': 'pulumi-digitalocean-stand-in',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? undefined : JSON.stringify(body),
        },
        retries,
        signal,
      );
      const parsed = parse(answer.text);
      if (answer.status >= 200 && answer.status < 300) return parsed;
      const requestId = answer.headers['x-request-id'] || text(parsed.request_id);
      const request = requestId ? ` (request "${requestId}")` : '';
      const tried = retries.most > 0 && retries.shouldRetry(answer);
      const attempts = tried ? `; giving up after ${retries.most + 1} attempt(s)` : '';
      throw new DigitalOceanError(
        answer.status,
        `${method} ${url}: ${answer.status}${request} ${text(parsed.message)}${attempts}`,
      );
    },
  };
};

function parse(body: string): Properties {
  try {
    return JSON.parse(body) as Properties;
  } catch {
    return {};
  }
}

/** The answer, or null when DigitalOcean knows nothing there. */
export async function found(answer: Promise<Properties>): Promise<Properties | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DigitalOceanError && error.status === 404) return null;
    throw error;
  }
}

/** Runs a step and puts the official provider's words before what it raises. */
export async function named<T>(words: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof DigitalOceanError)
      throw new DigitalOceanError(error.status, `${words}: ${error.message}`);
    throw new Error(`${words}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Waits for an action to complete. */
export async function waitForAction({ client, waiting, signal }: Work<DigitalOcean>, action: Properties) {
  await waiting.poll({
    delayMs: 2 * seconds,
    everyMs: 3 * seconds,
    limitMs: 3_600 * seconds,
    signal,
    pending: ['in-progress'],
    target: ['completed'],
    async ask() {
      const answer = await client.call('GET', `/v2/actions/${text(action.id)}`, signal);
      const value = answer.action as Properties;
      return { value, state: text(value.status) };
    },
  });
}
