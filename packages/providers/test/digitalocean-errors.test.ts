import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { ProductError } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import { createClient } from '../digitalocean/client.ts';
import { explainEngineText } from '../digitalocean/errors.ts';
import { credential } from './digitalocean-cloud.ts';

/** An answer of the vendor as it was published, what it means, and what the person must be able to read in it. */
interface Recorded {
  readonly source: string;
  readonly request: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: { readonly id: string; readonly message: string };
  readonly text?: string;
  readonly means: string;
  readonly says?: readonly string[];
}

const folder = new URL('../digitalocean/recorded/', import.meta.url);
const recorded = readdirSync(folder).map((file): [string, Recorded] => [
  file.replace('.json', ''),
  JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded,
]);
const canary = 'what-the-vendor-wrote';
const token = credential(`dop_v1_${'f'.repeat(64)}`);
const now = () => new Date('2026-01-01T00:00:00Z');
const codeOf = (text: string) => explainEngineText(text)?.code ?? null;

/** What the client makes of an answer, and how often it asked. */
async function meet(answer: Recorded): Promise<{ error: ProductError; asked: number }> {
  let asked = 0;
  const client = createClient({
    now,
    random: () => 0,
    sleep: async () => undefined,
    fetch: (async () => {
      asked += 1;
      const body = answer.body && { ...answer.body, message: `${answer.body.message} (${canary})` };
      return new Response(answer.text ?? JSON.stringify(body), {
        status: answer.status,
        headers: answer.headers,
      });
    }) as typeof fetch,
  });
  const [method = '', path = ''] = answer.request.split(' ');
  const sent =
    method === 'GET' ? client.get(token, path) : client.send(token, method as 'POST' | 'DELETE', path);
  const error: unknown = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProductError)) throw new Error(`not refused: ${inspect(error)}`);
  return { error, asked };
}

describe('an answer of DigitalOcean', () => {
  test.each(recorded)('%s', async (_name, answer) => {
    const { error } = await meet(answer);
    expect(error.code).toBe(answer.means);
    const read = `${error.message} ${error.fix}`;
    for (const words of answer.says ?? []) expect(read).toContain(words);
    expect(error.fix).not.toBe('');
    // Texts of theirs may quote a request.
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
    const id = answer.headers['x-request-id'];
    if (id) expect(error.cause).toMatchObject({ reference: id });
  });

  test('is asked for again only where that is safe', async () => {
    for (const [name, answer] of recorded) {
      const { error, asked } = await meet(answer);
      const isRead = answer.request.startsWith('GET');
      const passing = ['cloud_unavailable', 'cloud_maintenance', 'resource_locked'].includes(error.code);
      // The limits lift in minutes: for the queue to wait out.
      expect(asked, name).toBe(isRead && passing ? 4 : 1);
    }
  });

  test.each(recorded.filter(([, answer]) => answer.body && answer.status !== 429))(
    '%s means the same when the engine met it',
    (_name, { request, status, body, headers, means }) => {
      const [method, path] = request.split(' ');
      const said = `error: Error creating droplet: ${method} https://api.digitalocean.com${path}: ${status}`;
      const error = explainEngineText(
        `${said} (request "${headers['x-request-id']}") ${body?.message}: provider=digitalocean@4.80.1\n`,
      );
      expect(error?.code).toBe(means);
      expect(error?.cause).toMatchObject({ reference: headers['x-request-id'] });
    },
  );
});

describe('what else the engine says of DigitalOcean', () => {
  test.each([
    [
      'Error waiting for droplet (3) to become ready: timeout while waiting for state to become active',
      'cloud_unavailable',
    ],
    ['POST https://api.digitalocean.com/v2/droplets: 429 API Rate limit exceeded.', 'cloud_rate_limited'],
    [
      'Post "https://api.digitalocean.com/v2/tags": dial tcp: lookup api.digitalocean.com: no such host',
      'cloud_unavailable',
    ],
    [
      'Error retrieving droplet: GET https://api.digitalocean.com/v2/droplets/3: 404 (request "a") not found',
      null,
    ],
    [
      'Error waiting for droplet (3) to become ready: Error retrieving droplet: GET https://api.digitalocean.com/v2/droplets/3: 404 (request "a") not found',
      'cloud_unexpected',
    ],
    ['error: the program raised something of its own', null],
  ])('%s', (text, expected) => {
    expect(codeOf(text)).toBe(expected);
  });

  test('of several answers, the first that is no "not found"', () => {
    const gone = 'GET http://127.0.0.1:4000/v2/droplets/3: 404 (request "a") not found';
    const full = 'POST http://127.0.0.1:4000/v2/droplets: 422 (request "b") exceed your droplet limit';
    expect(explainEngineText(`${gone}\n${full}`)).toMatchObject({
      code: 'quota_reached',
      cause: { reference: 'b' },
    });
  });
});
