import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { errorCatalogue, ProductError } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import { createClient } from '../hetzner/client.ts';
import { explainEngineText, failedAction } from '../hetzner/errors.ts';
import { meanings } from '../hetzner/meanings.ts';
import { credential } from './in-process-cloud.ts';

/** An answer of the vendor, what it means, and what the person must be able to read in it. */
interface Recorded {
  readonly request: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: { readonly error: { readonly code: string; readonly message: string } };
  readonly text?: string;
  readonly means: string;
  readonly says?: readonly string[];
}

const folder = new URL('../hetzner/recorded/', import.meta.url);
const recorded = readdirSync(folder).map((file): [string, Recorded] => [
  file.replace('.json', ''),
  JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded,
]);
const canary = 'what-the-vendor-wrote';
const token = credential('t'.repeat(64));
const now = () => new Date('2026-01-01T00:00:00Z');

/** What the client makes of an answer, and how often it asked. */
async function meet(answer: Recorded): Promise<{ error: ProductError; asked: number }> {
  let asked = 0;
  const client = createClient({
    now,
    random: () => 0,
    sleep: async () => undefined,
    fetch: (async () => {
      asked += 1;
      const body = answer.body && { error: { ...answer.body.error, message: `of theirs: ${canary}` } };
      const text = answer.text ?? JSON.stringify(body);
      return new Response(text, { status: answer.status, headers: answer.headers });
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

describe('an answer of Hetzner', () => {
  test.each(recorded)('%s', async (_name, answer) => {
    const { error } = await meet(answer);
    expect(error.code).toBe(answer.means);
    const read = `${error.message} ${error.fix}`;
    for (const words of answer.says ?? []) expect(read).toContain(words);
    expect(error.fix).not.toBe('');
    // Texts of theirs may quote a request.
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
    if (answer.headers['x-correlation-id']) {
      expect(error.cause).toMatchObject({ reference: answer.headers['x-correlation-id'] });
    }
  });

  test('is asked for again only where that is safe', async () => {
    for (const [name, answer] of recorded) {
      const { error, asked } = await meet(answer);
      const isRead = answer.request.startsWith('GET');
      const passing = ['cloud_unavailable', 'cloud_maintenance', 'resource_locked'].includes(error.code);
      // These limits lift in ten minutes: for the queue to wait out.
      expect(asked, name).toBe(isRead && passing ? 4 : 1);
    }
  });

  test('a write that met a limit is sent again when the limit lifts soon, since nothing was done', async () => {
    let asked = 0;
    const pauses: number[] = [];
    const client = createClient({
      now,
      random: () => 0.5,
      sleep: async (ms) => void pauses.push(ms),
      fetch: (async () => {
        asked += 1;
        if (asked > 1) return Response.json({ firewall: {} }, { status: 201 });
        const headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': String(now().getTime() / 1000 + 5) };
        return Response.json({ error: { code: 'rate_limit_exceeded' } }, { status: 429, headers });
      }) as typeof fetch,
    });
    expect(await client.send(token, 'POST', '/firewalls', { name: 'f' })).toEqual({ firewall: {} });
    expect(pauses).toEqual([5_000]);
  });
});

/** Of the vendor's Go client, at 2.33: general, servers, addresses, networks, volumes, firewalls. */
const vendorCodes =
  `service_error rate_limit_exceeded unknown_error invalid_input forbidden unauthorized json_error
  locked resource_limit_exceeded resource_unavailable uniqueness_error protected maintenance conflict robot_unavailable
  resource_locked server_error token_readonly bad_gateway timeout unsupported_error deprecated_api_endpoint
  invalid_server_type server_not_stopped networks_overlap placement_error server_already_attached primary_ip_assigned
  primary_ip_datacenter_mismatch primary_ip_version_mismatch server_has_ipv4 server_has_ipv6
  primary_ip_already_assigned server_is_load_balancer_target ip_not_available no_subnet_available
  no_space_left_in_location volume_already_attached firewall_already_applied incompatible_network_type resource_in_use
  server_already_added firewall_resource_not_found firewall_managed_by_label_selector private_net_only_server
  firewall_already_removed action_failed`.split(/\s+/);

describe('the vendor’s codes', () => {
  test.each(vendorCodes)('%s has a meaning', (code) => {
    expect(errorCatalogue).toHaveProperty(meanings[code]?.code ?? 'none');
    expect(explainEngineText(`something went wrong (${code}, 5f1e6d20a3c9)`)?.code).toBe(
      meanings[code]?.code,
    );
  });

  test('of what is never asked for keep their reference', () => {
    const error = explainEngineText('no (caa_record_does_not_allow_ca, 5f1e6d20a3c9)');
    expect(error).toMatchObject({
      code: 'cloud_unexpected',
      fix: expect.stringContaining('5f1e6d20a3c9'),
      message: expect.stringContaining('caa_record_does_not_allow_ca'),
    });
  });

  test('of an action that failed name the action', () => {
    const error = failedAction({
      id: 7,
      status: 'error',
      error: { code: 'odd_one', message: 'secret text' },
    });
    expect(error).toMatchObject({ code: 'cloud_unavailable', cause: { reference: 'action-7' } });
    expect(failedAction({ id: 7, status: 'error', error: null }).code).toBe('cloud_unexpected');
  });
});
