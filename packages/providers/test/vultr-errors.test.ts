import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { ProductError } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import { createClient } from '../vultr/client.ts';
import { explainEngineText } from '../vultr/errors.ts';
import { credential } from './vultr-cloud.ts';

/** An answer of the vendor, what it means (null: the thing is gone), and what the person must be able to read in it. */
interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: { readonly error: string; readonly status: number };
  readonly text?: string;
  readonly means: string | null;
  readonly says?: readonly string[];
  /** Where somebody met it. */
  readonly source: string;
}

const folder = new URL('../vultr/recorded/', import.meta.url);
const recorded = readdirSync(folder).map((file): [string, Recorded] => [
  file.replace('.json', ''),
  JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded,
]);
const egressAddresses = ['192.0.2.1'];
const canary = 'what-the-vendor-wrote';
const key = credential('K'.repeat(36));

/** What the client makes of an answer, and how often it asked. */
async function meet(answer: Recorded): Promise<{ error: unknown; asked: number }> {
  let asked = 0;
  const client = createClient({
    egressAddresses,
    random: () => 0,
    sleep: async () => undefined,
    fetch: (async () => {
      asked += 1;
      const body = answer.body && { ...answer.body, error: `${answer.body.error} (${canary})` };
      return new Response(answer.text ?? JSON.stringify(body), {
        status: answer.status,
        headers: answer.headers,
      });
    }) as typeof fetch,
  });
  const [method = '', path = ''] = answer.request.split(' ');
  const sent = method === 'GET' ? client.get(key, path) : client.send(key, method as 'POST' | 'DELETE', path);
  const error: unknown = await sent.catch((reason: unknown) => reason);
  return { error, asked };
}

describe('an answer of Vultr', () => {
  test.each(recorded)('%s', async (_name, answer) => {
    const { error } = await meet(answer);
    if (answer.means === null) {
      expect(error).toBe(null);
      return;
    }
    expect(error).toBeInstanceOf(ProductError);
    const { code, message, fix } = error as ProductError;
    expect(code).toBe(answer.means);
    for (const words of answer.says ?? []) expect(`${message} ${fix}`).toContain(words);
    expect(fix).not.toBe('');
    // Texts of theirs may quote a request.
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
    expect(`${message} ${fix}`).not.toContain('<');
  });

  test('is asked for again only where that is safe', async () => {
    for (const [name, answer] of recorded) {
      const { error, asked } = await meet(answer);
      const { code } = (error ?? {}) as { code?: string };
      const isRead = answer.request.startsWith('GET');
      const passing = ['cloud_unavailable', 'cloud_maintenance', 'resource_locked'].includes(code ?? '');
      expect(asked, name).toBe(code === 'cloud_rate_limited' || (isRead && passing) ? 4 : 1);
    }
  });

  test('means the same in a text of the engine, also where it gave up after several attempts', () => {
    for (const [name, { body, means }] of recorded) {
      // What nobody foresaw is for who holds the whole text.
      if (!body || name === '418-unheard-of') continue;
      const json = JSON.stringify(body);
      for (const text of [
        `error creating server: ${json}`,
        `error creating server: gave up after 1 attempts, last error: ${JSON.stringify(json)}`,
      ])
        expect(explainEngineText(text, egressAddresses)?.code, name).toBe(means ?? 'server_missing');
    }
  });
});
