import { isIP } from 'node:net';
import { Hono } from 'hono';
import { firewallAnswer } from './answers.ts';
import type { CloudContext, CloudEnv, CloudParts } from './context.ts';
import { byId, readObject, stamp, textField } from './context.ts';
import { apiError, invalidField } from './errors.ts';
import { labelsField } from './labels.ts';
import { paginate, select } from './paging.ts';
import { parseLabelSelector } from './selectors.ts';
import type { FirewallRow, FirewallRule, ProjectState } from './state.ts';

const MAX_RULES = 50;
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'esp', 'gre'];

type Target = { type: 'server'; id: number } | { type: 'label_selector'; selector: string };

function isCidr(text: unknown): text is string {
  if (typeof text !== 'string') return false;
  const [address = '', bits = ''] = text.split('/');
  const family = isIP(address);
  return family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

function isPort(text: unknown): text is string {
  if (text === 'any') return true;
  if (typeof text !== 'string' || !/^\d{1,5}(-\d{1,5})?$/.test(text)) return false;
  const [low = 0, high = low] = text.split('-').map(Number);
  return low >= 1 && high >= low && high <= 65_535;
}

function cidrs(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > 100 || !value.every(isCidr)) {
    throw invalidField(field, 'Must be a list of at most 100 networks in CIDR notation.');
  }
  return value;
}

function rule(value: unknown, index: number): FirewallRule {
  const at = `rules.${index}`;
  if (typeof value !== 'object' || value === null) throw invalidField(at, 'Not a valid rule.');
  const raw = value as Record<string, unknown>;
  if (raw.direction !== 'in' && raw.direction !== 'out')
    throw invalidField(`${at}.direction`, 'Must be in or out.');
  if (typeof raw.protocol !== 'string' || !PROTOCOLS.includes(raw.protocol)) {
    throw invalidField(`${at}.protocol`, `Must be one of: ${PROTOCOLS.join(', ')}.`);
  }
  const needsPort = raw.protocol === 'tcp' || raw.protocol === 'udp';
  const port = raw.port ?? null;
  if (needsPort && !isPort(port)) throw invalidField(`${at}.port`, 'Must be a port, a range or any.');
  if (!needsPort && port !== null) throw invalidField(`${at}.port`, 'Only for tcp and udp.');
  const source = cidrs(raw.source_ips, `${at}.source_ips`);
  const destination = cidrs(raw.destination_ips, `${at}.destination_ips`);
  if (raw.direction === 'in' && source.length === 0)
    throw invalidField(`${at}.source_ips`, 'Required for in.');
  if (raw.direction === 'out' && destination.length === 0)
    throw invalidField(`${at}.destination_ips`, 'Required for out.');
  const description = typeof raw.description === 'string' && raw.description !== '' ? raw.description : null;
  if (description && description.length > 255)
    throw invalidField(`${at}.description`, 'Longer than maximum length 255.');
  return {
    direction: raw.direction,
    protocol: raw.protocol as FirewallRule['protocol'],
    port: needsPort ? (port as string) : null,
    source_ips: source,
    destination_ips: destination,
    description,
  };
}

function rulesField(body: Record<string, unknown>): FirewallRule[] | undefined {
  if (body.rules === undefined || body.rules === null) return undefined;
  if (!Array.isArray(body.rules)) throw invalidField('rules', 'Not a valid list.');
  if (body.rules.length > MAX_RULES) throw invalidField('rules', `More than ${MAX_RULES} rules.`);
  return body.rules.map(rule);
}

function targets(value: unknown, field: string, project: ProjectState): Target[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidField(field, 'Not a valid list.');
  return value.map(
    (entry: { type?: string; server?: { id?: number }; label_selector?: { selector?: string } }) => {
      if (entry?.type === 'server') {
        const id = Number(entry.server?.id);
        if (!project.servers.some((server) => server.id === id)) {
          throw apiError('firewall_resource_not_found', `server with ID '${id}' not found`);
        }
        return { type: 'server', id };
      }
      const selector = entry?.label_selector?.selector;
      if (entry?.type === 'label_selector' && selector && parseLabelSelector(selector)) {
        return { type: 'label_selector', selector };
      }
      throw invalidField(field, 'Must name a server or a label selector.');
    },
  );
}

/** Firewalls: create, change, apply, remove, delete. In this cloud they are rows; the machine room has no network. */
export function firewallRoutes(parts: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { store, actions } = parts;

  function requireFreeName(project: ProjectState, name: string, except?: FirewallRow) {
    if (project.firewalls.some((row) => row.name === name && row !== except)) {
      throw apiError('uniqueness_error', `firewall name '${name}' is already used`, {
        fields: [{ name: 'name' }],
      });
    }
  }

  function attach(project: ProjectState, row: FirewallRow, target: Target) {
    if (target.type === 'label_selector') {
      if (!row.selectors.includes(target.selector)) row.selectors.push(target.selector);
      return;
    }
    const server = project.servers.find((candidate) => candidate.id === target.id);
    if (server && !server.firewallIds.includes(row.id)) server.firewallIds.push(row.id);
  }

  function detach(project: ProjectState, row: FirewallRow, target: Target) {
    const server = target.type === 'server' ? project.servers.find((s) => s.id === target.id) : undefined;
    const applied =
      target.type === 'label_selector'
        ? row.selectors.includes(target.selector)
        : server?.firewallIds.includes(row.id);
    if (!applied) throw apiError('firewall_already_removed', 'firewall is not applied to this resource');
    if (target.type === 'label_selector')
      row.selectors = row.selectors.filter((text) => text !== target.selector);
    if (server) server.firewallIds = server.firewallIds.filter((id) => id !== row.id);
  }

  function start(c: CloudContext, command: string, row: FirewallRow, target?: Target) {
    const resources = [{ id: row.id, type: 'firewall' }];
    if (target?.type === 'server') resources.push({ id: target.id, type: 'server' });
    return actions.start({ project: c.get('projectName'), command, resources });
  }

  app.get('/firewalls', (c) => {
    const { rows, meta } = paginate(c, select(c, c.get('project').firewalls));
    return c.json({ firewalls: rows.map((row) => firewallAnswer(c.get('project'), row)), meta });
  });

  app.post('/firewalls', async (c) => {
    const project = c.get('project');
    const body = await readObject(c);
    const name = textField(body, 'name', 128);
    const labels = labelsField(body) ?? {};
    const rules = rulesField(body) ?? [];
    const applyTo = targets(body.apply_to, 'apply_to', project);
    requireFreeName(project, name);
    const row: FirewallRow = {
      id: store.nextId(),
      name,
      labels,
      rules,
      selectors: [],
      created: stamp(parts.now()),
    };
    project.firewalls.push(row);
    for (const target of applyTo) attach(project, row, target);
    store.save();
    const started = [
      ...(rules.length > 0 ? [start(c, 'set_firewall_rules', row)] : []),
      ...applyTo.map((target) => start(c, 'apply_firewall', row, target)),
    ];
    return c.json({ firewall: firewallAnswer(project, row), actions: started }, 201);
  });

  app.get('/firewalls/:id', (c) => {
    const project = c.get('project');
    return c.json({ firewall: firewallAnswer(project, byId(c, project.firewalls, 'firewall')) });
  });

  app.put('/firewalls/:id', async (c) => {
    const project = c.get('project');
    const row = byId(c, project.firewalls, 'firewall');
    const body = await readObject(c);
    const name = body.name === undefined ? row.name : textField(body, 'name', 128);
    const labels = labelsField(body) ?? row.labels;
    requireFreeName(project, name, row);
    Object.assign(row, { name, labels });
    store.save();
    return c.json({ firewall: firewallAnswer(project, row) });
  });

  app.delete('/firewalls/:id', (c) => {
    const project = c.get('project');
    const row = byId(c, project.firewalls, 'firewall');
    if (firewallAnswer(project, row).applied_to.length > 0) {
      throw apiError('resource_in_use', `firewall with ID '${row.id}' is still in use`);
    }
    project.firewalls.splice(project.firewalls.indexOf(row), 1);
    store.save();
    return c.body(null, 204);
  });

  app.post('/firewalls/:id/actions/set_rules', async (c) => {
    const row = byId(c, c.get('project').firewalls, 'firewall');
    const rules = rulesField(await readObject(c));
    if (!rules) throw invalidField('rules', 'Missing data for required field.');
    row.rules = rules;
    store.save();
    return c.json({ actions: [start(c, 'set_firewall_rules', row)] }, 201);
  });

  app.post('/firewalls/:id/actions/apply_to_resources', async (c) => {
    const project = c.get('project');
    const row = byId(c, project.firewalls, 'firewall');
    const applyTo = targets((await readObject(c)).apply_to, 'apply_to', project);
    if (applyTo.length === 0) throw invalidField('apply_to', 'Missing data for required field.');
    for (const target of applyTo) attach(project, row, target);
    store.save();
    return c.json({ actions: applyTo.map((target) => start(c, 'apply_firewall', row, target)) }, 201);
  });

  app.post('/firewalls/:id/actions/remove_from_resources', async (c) => {
    const project = c.get('project');
    const row = byId(c, project.firewalls, 'firewall');
    const removeFrom = targets((await readObject(c)).remove_from, 'remove_from', project);
    if (removeFrom.length === 0) throw invalidField('remove_from', 'Missing data for required field.');
    for (const target of removeFrom) detach(project, row, target);
    store.save();
    return c.json({ actions: removeFrom.map((target) => start(c, 'remove_firewall', row, target)) }, 201);
  });
  return app;
}
