import { isIP } from 'node:net';
import { Hono } from 'hono';
import { firewallAnswer } from './answers.ts';
import {
  type CloudContext,
  type CloudEnv,
  type CloudParts,
  numbers,
  readObject,
  stamp,
  texts,
} from './context.ts';
import { apiError, notFound, unprocessable } from './errors.ts';
import { paginate } from './paging.ts';
import type { AccountState, FirewallRow, FirewallRule, FirewallTarget } from './state.ts';

const firewallName = /^[a-zA-Z0-9][a-zA-Z0-9.-]+$/;
const maxRules = 50;
const maxTags = 5;

function isAddress(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128));
}

/** `0` for all ports, as the vendor writes back both "all" and a rule for ICMP. */
function portsOf(protocol: string, ports: unknown): string {
  if (protocol === 'icmp' || ports === 'all' || ports === '0') return '0';
  if (typeof ports === 'string' && /^\d{1,5}(-\d{1,5})?$/.test(ports)) return ports;
  throw unprocessable('invalid ports');
}

function targetOf(value: unknown): FirewallTarget {
  if (typeof value !== 'object' || value === null) throw unprocessable('a rule needs a target');
  const { addresses, droplet_ids: dropletIds, tags } = value as Record<string, unknown>;
  const given = texts(addresses);
  if (!given.every(isAddress)) throw unprocessable('invalid address');
  const ids = numbers(dropletIds);
  const names = texts(tags);
  return {
    ...(given.length > 0 ? { addresses: given } : {}),
    ...(ids.length > 0 ? { droplet_ids: ids } : {}),
    ...(names.length > 0 ? { tags: names } : {}),
  };
}

function rulesOf(value: unknown, side: 'sources' | 'destinations'): FirewallRule[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw unprocessable('rules must be a list');
  return value.map((raw: Record<string, unknown>) => {
    const { protocol } = raw;
    if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'icmp')
      throw unprocessable('invalid protocol');
    const target = targetOf(raw[side]);
    if (Object.keys(target).length === 0) throw unprocessable('a rule needs a target');
    return { protocol, ports: portsOf(protocol, raw.ports), target };
  });
}

type Wanted = Pick<FirewallRow, 'name' | 'inbound' | 'outbound' | 'dropletIds' | 'tags'>;

function readFirewall(account: AccountState, body: Record<string, unknown>, except?: FirewallRow): Wanted {
  const { name } = body;
  if (typeof name !== 'string' || !firewallName.test(name)) throw unprocessable('firewall name is invalid');
  const inbound = rulesOf(body.inbound_rules, 'sources');
  const outbound = rulesOf(body.outbound_rules, 'destinations');
  if (inbound.length + outbound.length === 0)
    throw unprocessable('must have at least one inbound or outbound rule');
  if (inbound.length + outbound.length > maxRules) throw unprocessable('too many rules');
  const dropletIds = numbers(body.droplet_ids);
  if (!dropletIds.every((id) => account.droplets.some((row) => row.id === id)))
    throw unprocessable('invalid droplet id');
  const tags = texts(body.tags);
  if (tags.length > maxTags) throw unprocessable('too many tags');
  const known = new Set([...tags, ...[...inbound, ...outbound].flatMap(({ target }) => target.tags ?? [])]);
  for (const tag of known) if (!account.tags.includes(tag)) throw unprocessable('tag does not exist');
  if (account.firewalls.some((row) => row.name === name && row !== except))
    throw apiError(409, 'duplicate name');
  return { name, inbound, outbound, dropletIds, tags };
}

/** Cloud firewalls: rows that say which droplets they guard, by id and by tag; the machine room has no network. */
export function firewallRoutes(parts: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const account = (c: CloudContext) => c.get('account');

  function own(c: CloudContext): FirewallRow {
    const row = account(c).firewalls.find((candidate) => candidate.id === c.req.param('id'));
    if (!row) throw notFound();
    return row;
  }

  app.get('/v2/firewalls', (c) => {
    const { rows, rest } = paginate(c, account(c).firewalls);
    return c.json({ firewalls: rows.map((row) => firewallAnswer(account(c), row)), ...rest });
  });

  app.post('/v2/firewalls', async (c) => {
    const wanted = readFirewall(account(c), await readObject(c));
    const row: FirewallRow = { id: parts.uuid(), createdAt: stamp(parts.now()), ...wanted };
    account(c).firewalls.push(row);
    return c.json({ firewall: firewallAnswer(account(c), row) }, 202);
  });

  app.get('/v2/firewalls/:id', (c) => c.json({ firewall: firewallAnswer(account(c), own(c)) }));

  app.put('/v2/firewalls/:id', async (c) => {
    const row = own(c);
    Object.assign(row, readFirewall(account(c), await readObject(c), row));
    return c.json({ firewall: firewallAnswer(account(c), row) });
  });

  app.delete('/v2/firewalls/:id', (c) => {
    const row = own(c);
    const state = account(c);
    state.firewalls = state.firewalls.filter((candidate) => candidate !== row);
    return c.body(null, 204);
  });
  return app;
}
