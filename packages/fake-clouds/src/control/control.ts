import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import type { FaultKind, FaultMatch, FaultRequest } from '../faults/faults.ts';
import { faultKinds } from '../faults/faults.ts';
import type { HetznerCloud } from '../hetzner/cloud.ts';
import { countServers } from './history.ts';

const MAX_DELAY_MS = 3_600_000;
const MATCH_FIELDS = [
  'method',
  'path',
  'account',
  'project',
  'size',
  'serverType',
  'region',
  'location',
] as const;

function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function isFaultKind(value: unknown): value is FaultKind {
  return faultKinds.includes(value as FaultKind);
}

function count(value: unknown, max: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
    ? value
    : undefined;
}

/** The fault a body describes, or what is wrong with it. */
function readFault(body: Record<string, unknown>): FaultRequest | string {
  if (!isFaultKind(body.kind)) return `kind must be one of: ${faultKinds.join(', ')}`;
  const request: FaultRequest = { kind: body.kind };
  if (body.match !== undefined) {
    if (typeof body.match !== 'object' || body.match === null) return 'match must be an object';
    const match: FaultMatch = {};
    for (const [field, value] of Object.entries(body.match)) {
      const name = MATCH_FIELDS.find((known) => known === field);
      if (!name || typeof value !== 'string') return `match takes these texts: ${MATCH_FIELDS.join(', ')}`;
      match[name] = name === 'method' ? value.toUpperCase() : value;
    }
    request.match = match;
  }
  for (const [field, max] of [
    ['times', 1_000_000],
    ['delayMs', MAX_DELAY_MS],
  ] as const) {
    if (body[field] === undefined) continue;
    const value = count(body[field], max);
    if (value === undefined) return `${field} must be a whole number from 0 to ${max}`;
    request[field] = value;
  }
  if (body.probability !== undefined) {
    const { probability } = body;
    if (typeof probability !== 'number' || !(probability >= 0 && probability <= 1))
      return 'probability must be a number from 0 to 1';
    request.probability = probability;
  }
  if (typeof body.hidden === 'boolean') request.hidden = body.hidden;
  return request;
}

/**
 * The sandbox's own endpoint below `/control`, for tests and for the person who runs it: faults, tokens, and what the
 * cloud saw. Every request needs `Authorization: Bearer <token>`.
 */
export function createControl(options: { cloud: HetznerCloud; token: string; startedAt: Date }): Hono {
  const { cloud } = options;
  const app = new Hono().basePath('/control');

  app.use(async (c, next) => {
    const given = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!sameText(given, options.token))
      return c.json({ error: 'the control token is missing or wrong' }, 401);
    await next();
  });

  async function readBody(request: {
    text(): Promise<string>;
  }): Promise<Record<string, unknown> | undefined> {
    try {
      const text = await request.text();
      const body: unknown = text.trim() === '' ? {} : JSON.parse(text);
      return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
    } catch {
      return undefined;
    }
  }

  app.get('/faults', (c) => c.json({ faults: cloud.faults.list() }));
  app.post('/faults', async (c) => {
    const body = await readBody(c.req);
    const fault = body ? readFault(body) : 'the body must be a JSON object';
    if (typeof fault === 'string') return c.json({ error: fault }, 422);
    return c.json({ fault: cloud.faults.add(fault) }, 201);
  });
  app.delete('/faults', (c) => {
    cloud.faults.clear();
    return c.body(null, 204);
  });
  app.delete('/faults/:id', (c) =>
    cloud.faults.remove(Number(c.req.param('id')))
      ? c.body(null, 204)
      : c.json({ error: 'no such fault' }, 404),
  );

  app.post('/tokens', async (c) => {
    const body = await readBody(c.req);
    const powers = body?.powers ?? 'read_write';
    const project = body?.project ?? `project-${randomBytes(4).toString('hex')}`;
    if (powers !== 'read_write' && powers !== 'read')
      return c.json({ error: 'powers must be read_write or read' }, 422);
    if (typeof project !== 'string' || !/^[\w.-]{1,64}$/.test(project)) {
      return c.json({ error: 'project must be 1 to 64 letters, digits, dots, dashes or underscores' }, 422);
    }
    return c.json({ token: cloud.issueToken({ project, powers }), project, powers }, 201);
  });

  app.get('/servers', async (c) => {
    const servers = await Promise.all(
      cloud.servers().map(async (row) => ({
        id: row.id,
        project: row.project,
        name: row.name,
        labels: row.labels,
        status: row.status,
        machine: await cloud.machines.status(row.id),
        serverType: row.serverType,
        location: row.location,
        created: row.created,
      })),
    );
    const history = cloud.history();
    return c.json({ ...countServers(history), servers, history });
  });
  app.get('/servers/:id/console', async (c) => {
    const id = Number(c.req.param('id'));
    if (!Number.isInteger(id)) return c.json({ error: 'no such server' }, 404);
    return c.text(await cloud.machines.console(id));
  });

  app.get('/requests', (c) => c.json({ requests: cloud.requests() }));
  app.get('/stats', (c) => {
    const { created, deleted, alive } = countServers(cloud.history());
    return c.json({
      startedAt: options.startedAt.toISOString(),
      requests: cloud.requestCount(),
      servers: { created, deleted, alive },
      faults: cloud.faults.list().length,
    });
  });
  return app;
}
