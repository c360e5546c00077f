import { type HttpRequest, type Retries, send } from '../protocol/http.ts';
import type { Provider, Work } from '../protocol/resource.ts';
import { object, objects, type Properties, text, texts } from '../protocol/values.ts';

/** What the official provider asks Hetzner with. */
export type Hetzner = {
  /** How long it waits between two questions about an action. */
  readonly pollMs: number;
  call(
    method: HttpRequest['method'],
    path: string,
    signal: AbortSignal,
    body?: Properties,
  ): Promise<Properties>;
};

/** A refusal, in hcloud-go's words. */
export class HetznerError extends Error {
  override name = 'HetznerError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const ownAddress = 'https://api.hetzner.cloud/v1';
const tokenLength = 64;

/** Raises an error without a token of the right length. */
export const connect: Provider<Hetzner>['connect'] = (args, { environment, imitateWaits }) => {
  const token = text(args.token) || environment.HCLOUD_TOKEN || '';
  if (token.length !== tokenLength) {
    throw new Error(`entered token is invalid (must be exactly ${tokenLength} characters long)`);
  }
  const base = (text(args.endpoint) || environment.HCLOUD_ENDPOINT || ownAddress).replace(/\/+$/, '');
  const retries: Retries = {
    most: 5,
    shortestMs: imitateWaits ? 1_000 : 20,
    longestMs: imitateWaits ? 60_000 : 500,
    shouldRetry: ({ status, text: body }) =>
      ['conflict', 'rate_limit_exceeded'].includes(text(errorIn(body).code)) ||
      (text(errorIn(body).code) === '' && (status === 502 || status === 504)),
    withoutAnswer: false,
  };
  return {
    pollMs: durationMs(text(args.pollInterval)),
    async call(method, path, signal, body) {
      const answer = await send(
        {
          method,
          url: new URL(`${base}${path}`),
          headers: {
            authorization: `Bearer ${token}`,
            'user-agent': 'pulumi-hcloud-stand-in',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? undefined : JSON.stringify(body),
        },
        retries,
        signal,
      );
      if (answer.status < 400) return answer.text === '' ? {} : (JSON.parse(answer.text) as Properties);
      const { code, message, details } = errorIn(answer.text);
      if (code === undefined && message === undefined) {
        throw new Error(`hcloud: server responded with status code ${answer.status}`);
      }
      const correlation = answer.headers['x-correlation-id'];
      const words = `${text(message)} (${text(code)}${correlation ? `, ${correlation}` : ''})`;
      const fields = objects(object(details).fields).map(
        ({ name, messages }) => `${text(name)} => [${texts(messages).join(' ')}]`,
      );
      throw new HetznerError(
        text(code),
        code === 'invalid_input' ? `${words}: [${fields.join(' ')}]` : words,
      );
    },
  };
};

function errorIn(body: string): Properties {
  try {
    return object((JSON.parse(body) as Properties).error);
  } catch {
    return {};
  }
}

/** A time in Go's words: `500ms`, `10s`. */
function durationMs(words: string): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(words);
  if (!found) return 500;
  return Number(found[1]) * { ms: 1, s: 1_000, m: 60_000 }[found[2] as 'ms' | 's' | 'm'];
}

/** Whether a refusal has one of these codes. */
export function isRefusal(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof HetznerError && codes.includes(error.code);
}

/** The answer, or null when Hetzner knows nothing there. */
export async function found(answer: Promise<Properties>): Promise<Properties | null> {
  try {
    return await answer;
  } catch (error) {
    if (isRefusal(error, 'not_found')) return null;
    throw error;
  }
}

/** Waits for actions to succeed; those that are done already are not asked for. Raises what an action failed with. */
export async function waitForActions(
  { client, waiting, signal, limitMs = 90 * 60_000 }: Work<Hetzner>,
  actions: readonly Properties[],
): Promise<void> {
  const fail = (action: Properties) => {
    if (text(action.status) !== 'error') return;
    const { code, message } = object(action.error);
    throw new Error(`hcloudutil/WaitForAction: ${text(message)} (${text(code)}, ${text(action.id)})`);
  };
  actions.forEach(fail);
  const running = actions.filter(({ status }) => text(status) === 'running').map(({ id }) => text(id));
  if (running.length === 0) return;
  const query = running.map((id) => `id=${id}`).join('&');
  await waiting.poll({
    delayMs: client.pollMs,
    everyMs: client.pollMs,
    limitMs,
    signal,
    pending: ['running'],
    target: ['done'],
    async ask() {
      const path = `/actions?${query}&page=1&sort=status&sort=id`;
      const updates = objects((await client.call('GET', path, signal)).actions);
      if (updates.length !== running.length) throw new Error(`actions not found: [${running.join(' ')}]`);
      updates.forEach(fail);
      const busy = updates.some(({ status }) => text(status) === 'running');
      return { value: undefined, state: busy ? 'running' : 'done' };
    },
  });
}
