import type { DriftItem } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { CloudResource, OpenCredential } from '../provider.ts';
import type { FirewallRuleAnswer } from './answers.ts';
import { pathOf } from './find-by-tag.ts';

const mostShown = 50;

async function readRules(
  client: JsonClient,
  credential: OpenCredential,
  firewall: Pick<CloudResource, 'kind' | 'id'>,
): Promise<FirewallRuleAnswer[]> {
  return (await client.list(
    credential,
    `${pathOf(firewall)}/rules`,
    'firewall_rules',
  )) as unknown as FirewallRuleAnswer[];
}

/** `tcp 22 from 0.0.0.0/0` */
function said({ protocol, port, subnet, subnet_size, source }: FirewallRuleAnswer): string {
  const from = source ? source : `${subnet}/${subnet_size}`;
  return `${protocol}${port ? ` ${port}` : ''} from ${from}`.slice(0, 500);
}

/**
 * The firewall groups of an instance that let something in. Rules are objects of their own at Vultr, and the product
 * makes none: a group without rules drops all that comes in. So the engine, which knows the group alone, sees nothing.
 */
export async function inspect(
  client: JsonClient,
  credential: OpenCredential,
  resources: readonly CloudResource[],
): Promise<DriftItem[]> {
  const items: DriftItem[] = [];
  for (const firewall of resources.filter(({ kind }) => kind === 'firewall')) {
    const rules = await readRules(client, credential, firewall);
    if (rules.length === 0) continue;
    items.push({
      kind: 'firewall',
      id: firewall.id,
      name: firewall.name,
      what: 'changed',
      changes: rules
        .slice(0, mostShown)
        .map((rule) => ({ property: `inbound rule ${rule.id}`, expected: null, found: said(rule) })),
      repairable: true,
      fix: 'A repair takes these rules out again: nothing is let in then.',
    });
  }
  return items;
}

/** Takes every rule out of a firewall group; what is gone already is fine. */
export async function closeFirewall(
  client: JsonClient,
  credential: OpenCredential,
  firewall: Pick<CloudResource, 'kind' | 'id'>,
): Promise<void> {
  for (const { id } of await readRules(client, credential, firewall))
    await client.send(credential, 'DELETE', `${pathOf(firewall)}/rules/${id}`);
}
