import { Hono } from 'hono';
import { primaryIpAnswer } from './answers.ts';
import { findLocation } from './catalogue.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { byId, readObject, stamp, textField } from './context.ts';
import { apiError, invalidField } from './errors.ts';
import { labelsField } from './labels.ts';
import { paginate, select } from './paging.ts';
import type { PrimaryIpRow, ProjectState } from './state.ts';

/** An address of the benchmarking range (RFC 2544) or the documentation range (RFC 3849): never anyone's own. */
function address(type: 'ipv4' | 'ipv6', id: number): string {
  const low = id % 65_536;
  if (type === 'ipv4') return `198.18.${low >> 8}.${low & 255}`;
  return `2001:db8:${low.toString(16)}:${(id >> 16).toString(16)}::/64`;
}

/** Makes a primary IP of a project; the caller has checked the limit. */
export function addPrimaryIp(
  parts: CloudParts,
  project: ProjectState,
  fields: Pick<PrimaryIpRow, 'type' | 'location' | 'assigneeId' | 'autoDelete'> &
    Partial<Pick<PrimaryIpRow, 'name' | 'labels'>>,
): PrimaryIpRow {
  const id = parts.store.nextId();
  const row: PrimaryIpRow = {
    id,
    name: `primary_ip-${id}`,
    labels: {},
    ...fields,
    created: stamp(parts.now()),
    ip: address(fields.type, id),
    protection: { delete: false },
  };
  project.primaryIps.push(row);
  return row;
}

/** Throws the vendor's 403 when so many more addresses would pass the project's limit. */
export function requireIpRoom(parts: CloudParts, project: ProjectState, more: number): void {
  const ipv4 = project.primaryIps.filter((row) => row.type === 'ipv4').length;
  if (ipv4 + more > parts.limits.primaryIps) {
    throw apiError('resource_limit_exceeded', 'primary_ip_limit exceeded', {
      limits: [{ name: 'primary_ip_limit' }],
    });
  }
}

/** Primary IPs; those made with a server go with it, others stay until they are deleted. */
export function primaryIpRoutes(parts: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const answer = (projectName: string, row: PrimaryIpRow) => primaryIpAnswer(parts, projectName, row);

  app.get('/primary_ips', (c) => {
    const ip = c.req.query('ip');
    const found = select(c, c.get('project').primaryIps, ['id', 'created']);
    const { rows, meta } = paginate(
      c,
      found.filter((row) => ip === undefined || row.ip === ip),
    );
    return c.json({ primary_ips: rows.map((row) => answer(c.get('projectName'), row)), meta });
  });

  app.post('/primary_ips', async (c) => {
    const project = c.get('project');
    const body = await readObject(c);
    const name = textField(body, 'name', 128);
    if (body.type !== 'ipv4' && body.type !== 'ipv6')
      throw invalidField('type', 'Must be one of: ipv4, ipv6.');
    if (body.assignee_id !== undefined && body.assignee_id !== null) {
      throw invalidField('assignee_id', 'This cloud assigns primary IPs only when a server is created.');
    }
    const wanted =
      body.location ?? parts.catalogue.locations.find((p) => p.datacenter.name === body.datacenter)?.name;
    const place = typeof wanted === 'string' ? findLocation(parts.catalogue, wanted) : undefined;
    if (!place) throw invalidField('location', 'Missing or unknown location.');
    if (project.primaryIps.some((row) => row.name === name)) {
      throw apiError('uniqueness_error', `primary IP name '${name}' is already used`, {
        fields: [{ name: 'name' }],
      });
    }
    const labels = labelsField(body) ?? {};
    requireIpRoom(parts, project, body.type === 'ipv4' ? 1 : 0);
    const row = addPrimaryIp(parts, project, {
      type: body.type,
      location: place.name,
      assigneeId: null,
      autoDelete: body.auto_delete === true,
      name,
      labels,
    });
    parts.store.save();
    return c.json({ primary_ip: answer(c.get('projectName'), row) }, 201);
  });

  app.get('/primary_ips/:id', (c) =>
    c.json({ primary_ip: answer(c.get('projectName'), byId(c, c.get('project').primaryIps, 'primary IP')) }),
  );

  app.put('/primary_ips/:id', async (c) => {
    const row = byId(c, c.get('project').primaryIps, 'primary IP');
    const body = await readObject(c);
    if (body.name !== undefined) row.name = textField(body, 'name', 128);
    row.labels = labelsField(body) ?? row.labels;
    if (typeof body.auto_delete === 'boolean') row.autoDelete = body.auto_delete;
    parts.store.save();
    return c.json({ primary_ip: answer(c.get('projectName'), row) });
  });

  app.delete('/primary_ips/:id', (c) => {
    const project = c.get('project');
    const row = byId(c, project.primaryIps, 'primary IP');
    if (row.assigneeId !== null) throw apiError('resource_in_use', 'primary IP is assigned to a server');
    project.primaryIps.splice(project.primaryIps.indexOf(row), 1);
    parts.store.save();
    return c.body(null, 204);
  });
  return app;
}
