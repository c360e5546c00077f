import { type HttpRequest, type Retries, send } from '../protocol/http.ts';
import type { Provider } from '../protocol/resource.ts';
import { type Properties, text } from '../protocol/values.ts';

/** What the official provider asks Vultr with. */
export type Vultr = {
  call(
    method: HttpRequest['method'],
    path: string,
    signal: AbortSignal,
    body?: Properties,
  ): Promise<Properties>;
};

const ownAddress = 'https://api.vultr.com';
const usual = { retries: 3, rateLimitMs: 500 };

/** Raises an error without a key. The official provider has no address option; this one reads `VULTR_API_URL`. */
export const connect: Provider<Vultr>['connect'] = (args, { environment, imitateWaits }) => {
  const apiKey = text(args.apiKey) || environment.VULTR_API_KEY;
  if (!apiKey) throw new Error('apiKey is required to sign in to Vultr');
  // A pretended cloud's address may carry the version, as other clouds' do.
  const base = (environment.VULTR_API_URL || ownAddress).replace(/\/+(?:v2\/*)?$/, '');
  // In govultr 0 stands for the usual number, and what is below 0 for none.
  const wanted = Number(args.retryLimit ?? 0);
  const most = wanted === 0 ? usual.retries : Math.max(0, wanted);
  const rateLimit = Number(args.rateLimit ?? 0) || usual.rateLimitMs;
  const retries: Retries = {
    most,
    shortestMs: imitateWaits ? (rateLimit / 3) * 2 : 20,
    longestMs: imitateWaits ? rateLimit : 100,
    // Whatever was asked for: a creation that failed after its effect is sent a second time.
    shouldRetry: ({ status }) => status === 429 || (status >= 500 && status !== 501),
  };
  return {
    async call(method, path, signal, body) {
      const answer = await send(
        {
          method,
          url: new URL(`${base}${path}`),
          headers: {
            authorization: `Bearer ${apiKey}`,
            accept: 'application/json',
            'content-type': 'application/json',
            'user-agent': 'pulumi-vultr-stand-in',
          },
          body: body === undefined ? undefined : JSON.stringify(body),
        },
        retries,
        signal,
      );
      if (answer.status >= 200 && answer.status < 300) return parse(answer.text);
      // All that govultr says of a refusal is the answer's own text.
      if (!retries.shouldRetry(answer)) throw new Error(answer.text.trim());
      throw new Error(
        `gave up after ${most + 1} attempts, last error: ${JSON.stringify(answer.text.trim())}`,
      );
    },
  };
};

function parse(body: string): Properties {
  return body === '' ? {} : (JSON.parse(body) as Properties);
}

/** Runs a step and puts the official provider's words before what it raises. */
export async function named<T>(words: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new Error(`${words}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The answer, or null when what it raises has the words by which the official provider knows that a thing is gone. */
export async function found(answer: Promise<Properties>, goneWords: string): Promise<Properties | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.message.includes(goneWords)) return null;
    throw error;
  }
}
