import { isIP } from 'node:net';
import { Hono } from 'hono';
import { groupAnswer, ruleAnswer } from './answers.ts';
import type { CloudContext, CloudEnv, CloudParts } from './context.ts';
import { readObject, stamp, textField, uuid } from './context.ts';
import { apiError, texts } from './errors.ts';
import { paginate } from './paging.ts';
import type { FirewallGroupRow, FirewallRule } from './state.ts';

const protocols = ['icmp', 'tcp', 'udp', 'gre', 'esp', 'ah'];
const maxRules = 50;

function readRule(body: Record<string, unknown>, id: number): FirewallRule {
  const ipType = body.ip_type;
  if (ipType !== 'v4' && ipType !== 'v6') throw apiError(400, 'Invalid ip_type.');
  const protocol = textField(body, 'protocol').toLowerCase();
  if (!protocols.includes(protocol)) throw apiError(400, 'Invalid protocol.');
  const subnet = textField(body, 'subnet');
  const size = body.subnet_size;
  if (isIP(subnet) !== (ipType === 'v4' ? 4 : 6)) throw apiError(400, 'Invalid subnet.');
  if (typeof size !== 'number' || size < 0 || size > (ipType === 'v4' ? 32 : 128))
    throw apiError(400, 'Invalid subnet_size.');
  return {
    id,
    ipType,
    protocol,
    port: textField(body, 'port'),
    subnet,
    subnetSize: size,
    source: textField(body, 'source'),
    notes: textField(body, 'notes'),
  };
}

/** Firewall groups and their rules. A group is a list of what may come in; what goes out it never touches. */
export function firewallRoutes({ store, limits, newId, now }: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();

  function own(c: CloudContext): FirewallGroupRow {
    const id = c.req.param('id') ?? '';
    if (!uuid.test(id)) throw apiError(400, texts.badFormat);
    const row = c.get('account').firewallGroups.find((candidate) => candidate.id === id);
    if (!row) throw apiError(404, 'Firewall group not found.');
    return row;
  }
  const touch = (row: FirewallGroupRow) => {
    row.modified = stamp(now());
  };

  app.get('/firewalls', (c) => {
    const account = c.get('account');
    const { rows, meta } = paginate(c, account.firewallGroups, limits.pageSize);
    return c.json({ firewall_groups: rows.map((row) => groupAnswer(account, row)), meta });
  });

  app.post('/firewalls', async (c) => {
    const account = c.get('account');
    const at = stamp(now());
    const row: FirewallGroupRow = {
      id: newId(),
      description: textField(await readObject(c), 'description'),
      created: at,
      modified: at,
      rules: [],
      lastRule: 0,
    };
    account.firewallGroups.push(row);
    return c.json({ firewall_group: groupAnswer(account, row) }, 201);
  });

  app.get('/firewalls/:id', (c) => c.json({ firewall_group: groupAnswer(c.get('account'), own(c)) }));

  app.put('/firewalls/:id', async (c) => {
    const row = own(c);
    row.description = textField(await readObject(c), 'description');
    touch(row);
    return c.body(null, 204);
  });

  // The vendor detaches the group from its instances instead of refusing: these then stand open.
  app.delete('/firewalls/:id', (c) => {
    const row = own(c);
    const account = store.account(c.get('accountName'));
    account.firewallGroups.splice(account.firewallGroups.indexOf(row), 1);
    for (const instance of account.instances)
      if (instance.firewallGroupId === row.id) instance.firewallGroupId = '';
    return c.body(null, 204);
  });

  app.get('/firewalls/:id/rules', (c) => {
    const { rows, meta } = paginate(c, own(c).rules, limits.pageSize);
    return c.json({ firewall_rules: rows.map(ruleAnswer), meta });
  });

  app.post('/firewalls/:id/rules', async (c) => {
    const row = own(c);
    if (row.rules.length >= maxRules)
      throw apiError(400, 'You have reached the maximum number of rules for this firewall group.');
    const rule = readRule(await readObject(c), row.lastRule + 1);
    row.lastRule = rule.id;
    row.rules.push(rule);
    touch(row);
    return c.json({ firewall_rule: ruleAnswer(rule) }, 201);
  });

  const ruleOf = (c: CloudContext, row: FirewallGroupRow) => {
    const rule = row.rules.find(({ id }) => String(id) === c.req.param('rule'));
    if (!rule) throw apiError(404, texts.noRule);
    return rule;
  };
  app.get('/firewalls/:id/rules/:rule', (c) => c.json({ firewall_rule: ruleAnswer(ruleOf(c, own(c))) }));
  app.delete('/firewalls/:id/rules/:rule', (c) => {
    const row = own(c);
    row.rules.splice(row.rules.indexOf(ruleOf(c, row)), 1);
    touch(row);
    return c.body(null, 204);
  });
  return app;
}
