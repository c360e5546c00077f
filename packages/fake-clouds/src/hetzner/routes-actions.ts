import { Hono } from 'hono';
import type { CloudContext, CloudEnv } from './context.ts';
import { byId } from './context.ts';
import { invalidField } from './errors.ts';
import { paginate } from './paging.ts';
import type { ActionRow } from './state.ts';

const SORTABLE = ['id', 'command', 'status', 'started', 'finished'];

/** `status` and `sort` as the vendor's action lists take them. */
export function selectActions(c: CloudContext, rows: ActionRow[]): ActionRow[] {
  const statuses = c.req.queries('status');
  const orders = (c.req.queries('sort') ?? []).map((order) => {
    const [field = '', direction] = order.split(':');
    if (!SORTABLE.includes(field)) throw invalidField('sort', `'${order}' is not a valid sort order.`);
    return { field: field as 'id' | 'command' | 'status' | 'started', sign: direction === 'desc' ? -1 : 1 };
  });
  return rows
    .filter((row) => !statuses || statuses.includes(row.status))
    .sort((a, b) => {
      for (const { field, sign } of orders) {
        if (a[field] !== b[field]) return a[field] < b[field] ? -sign : sign;
      }
      return a.id - b.id;
    });
}

/** Answers one page of actions. */
export function actionList(c: CloudContext, rows: ActionRow[]): Response {
  const page = paginate(c, selectActions(c, rows));
  return c.json({ actions: page.rows, meta: page.meta });
}

/** `GET /actions?id=…`, `GET /actions/{id}` and the lists per kind of resource. */
export function actionRoutes(): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  app.get('/actions', (c) => {
    const ids = (c.req.queries('id') ?? []).map(Number);
    if (ids.length === 0) throw invalidField('id', 'Missing data for required field.');
    return actionList(
      c,
      c.get('project').actions.filter((row) => ids.includes(row.id)),
    );
  });
  app.get('/actions/:id', (c) => c.json({ action: byId(c, c.get('project').actions, 'action') }));

  for (const [kind, type] of [
    ['servers', 'server'],
    ['firewalls', 'firewall'],
    ['primary_ips', 'primary_ip'],
  ] as const) {
    const ofKind = (c: CloudContext) =>
      c.get('project').actions.filter((row) => row.resources.some((resource) => resource.type === type));
    app.get(`/${kind}/actions`, (c) => {
      const ids = c.req.queries('id')?.map(Number);
      return actionList(
        c,
        ofKind(c).filter((row) => !ids || ids.includes(row.id)),
      );
    });
    app.get(`/${kind}/actions/:id`, (c) => c.json({ action: byId(c, ofKind(c), 'action') }));
    const ofOne = (c: CloudContext) => {
      const id = Number(c.req.param('id'));
      return ofKind(c).filter((row) =>
        row.resources.some((resource) => resource.type === type && resource.id === id),
      );
    };
    app.get(`/${kind}/:id/actions`, (c) => actionList(c, ofOne(c)));
    app.get(`/${kind}/:id/actions/:action_id`, (c) =>
      c.json({ action: byId(c, ofOne(c), 'action', 'action_id') }),
    );
  }
  return app;
}
