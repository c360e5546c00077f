import type { CloudAccount } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { HetznerClient } from './client.ts';
import { requireTokenShape } from './token.ts';

/**
 * Hetzner has no endpoint that says whose a token is: a token belongs to one project, whose name it can't read. The
 * number of servers there lets the owner recognise it. Raises `credential_rejected`.
 */
export async function whoAmI(
  client: HetznerClient,
  name: string,
  credential: OpenCredential,
): Promise<CloudAccount> {
  requireTokenShape(credential);
  const body = await client.get(credential, '/servers', { per_page: 1 });
  const total = (body?.meta as { pagination?: { total_entries?: unknown } } | undefined)?.pagination
    ?.total_entries;
  const servers = typeof total === 'number' ? total : 0;
  return {
    label: `${name} project`,
    detail: servers === 1 ? 'holds 1 server now' : `holds ${servers} servers now`,
  };
}
