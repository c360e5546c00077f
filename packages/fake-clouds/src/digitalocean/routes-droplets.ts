import { Hono } from 'hono';
import { actionAnswer, dropletAnswer, firewallAnswer } from './answers.ts';
import { type CloudContext, type CloudEnv, type CloudParts, readObject } from './context.ts';
import { type DropletLife, readDropletOrder } from './droplet-life.ts';
import { notFound, pendingEvent, unprocessable } from './errors.ts';
import { paginate } from './paging.ts';
import type { AccountState, DropletRow } from './state.ts';

/** Droplets: make, read, delete, and the actions on them. */
export function dropletRoutes(parts: CloudParts, life: DropletLife): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { actions, catalogue } = parts;
  const account = (c: CloudContext) => c.get('account');
  const answer = (c: CloudContext, row: DropletRow) => dropletAnswer(parts, account(c), row);

  function own(c: CloudContext): DropletRow {
    const id = Number(c.req.param('id'));
    const row = account(c).droplets.find((candidate) => candidate.id === id);
    if (!row) throw notFound();
    return row;
  }

  app.get('/v2/droplets', (c) => {
    const { tag_name: tag, name } = c.req.query();
    const found = account(c).droplets.filter(
      (row) =>
        (tag === undefined || row.tags.some((own) => own.toLowerCase() === tag.toLowerCase())) &&
        (name === undefined || row.name === name),
    );
    const { rows, rest } = paginate(c, found);
    return c.json({ droplets: rows.map((row) => answer(c, row)), ...rest });
  });

  app.post('/v2/droplets', async (c) => {
    const order = readDropletOrder(parts, account(c), await readObject(c));
    const { row, action } = await life.make(account(c), order);
    const href = `${new URL(c.req.url).origin}/v2/actions/${action.id}`;
    const links = { actions: [{ id: action.id, rel: 'create', href }] };
    return c.json({ droplet: answer(c, row), links }, 202);
  });

  app.get('/v2/droplets/:id', (c) => c.json({ droplet: answer(c, own(c)) }));

  app.delete('/v2/droplets/:id', (c) => {
    const row = own(c);
    const state = account(c);
    if (row.locked && row.status !== 'new') throw pendingEvent();
    actions.start({
      account: state,
      droplet: row,
      type: 'destroy',
      effect: () => life.remove(state, row),
    });
    return c.body(null, 204);
  });

  app.get('/v2/droplets/:id/firewalls', (c) => {
    const row = own(c);
    const guarding = account(c).firewalls.filter(
      (wall) => wall.dropletIds.includes(row.id) || row.tags.some((tag) => wall.tags.includes(tag)),
    );
    const { rows, rest } = paginate(c, guarding);
    return c.json({ firewalls: rows.map((wall) => firewallAnswer(account(c), wall)), ...rest });
  });

  app.get('/v2/droplets/:id/actions', (c) => {
    const row = own(c);
    const found = account(c).actions.filter((action) => action.dropletId === row.id);
    const { rows, rest } = paginate(c, found);
    return c.json({ actions: rows.map((action) => actionAnswer(parts, account(c), action)), ...rest });
  });

  app.get('/v2/droplets/:id/actions/:action', (c) => {
    const id = Number(c.req.param('action'));
    const action = account(c).actions.find((row) => row.id === id && row.dropletId === own(c).id);
    if (!action) throw notFound();
    return c.json({ action: actionAnswer(parts, account(c), action) });
  });

  function resize(row: DropletRow, body: Record<string, unknown>): () => void {
    const size = catalogue.sizes.find((entry) => entry.slug === body.size && entry.available);
    if (!size) throw unprocessable('You specified an invalid size.');
    if (!size.regions.includes(row.region)) throw unprocessable('Size is not available in this region.');
    if (size.disk < row.disk)
      throw unprocessable('This size is not available because it has a smaller disk.');
    if (row.status !== 'off') throw unprocessable('You must power off the Droplet before resizing it.');
    return () => {
      row.size = size.slug;
      if (body.disk === true) row.disk = size.disk;
    };
  }

  /** What each type of action does; a throw here refuses it, before it begins. */
  function effectOf(state: AccountState, row: DropletRow, body: Record<string, unknown>) {
    switch (body.type) {
      case 'power_on':
        return () => (row.status === 'off' ? life.powerOn(row) : undefined);
      case 'power_off':
        if (row.status === 'off') throw unprocessable('Droplet is already powered off.');
        return () => life.powerOff(row, 'pull');
      case 'shutdown':
        return () => life.powerOff(row, 'shutdown');
      case 'reboot':
        return () => life.reboot(row, 'shutdown');
      case 'power_cycle':
        return () => life.reboot(row, 'pull');
      case 'resize':
        return resize(row, body);
      case 'rename':
        if (typeof body.name !== 'string' || body.name === '') throw unprocessable('Name is invalid.');
        return () => {
          row.name = body.name as string;
        };
      case 'enable_ipv6':
        return () => {
          row.ipv6 ??= `2001:db8:0:1010::${row.id.toString(16).slice(-4)}`;
          if (!row.features.includes('ipv6')) row.features.push('ipv6');
        };
      case 'enable_backups':
        return () => void row.features.push('backups');
      case 'disable_backups':
        return () => {
          row.features = row.features.filter((feature) => feature !== 'backups');
        };
      default:
        throw unprocessable(`You specified an invalid action for ${state.name}.`);
    }
  }

  app.post('/v2/droplets/:id/actions', async (c) => {
    const row = own(c);
    const body = await readObject(c);
    if (row.locked) throw pendingEvent();
    const effect = effectOf(account(c), row, body);
    const action = actions.start({
      account: account(c),
      droplet: row,
      type: String(body.type),
      effect: async () => {
        // Destroyed in between: there is nothing left to do it to.
        if (account(c).droplets.includes(row)) await effect();
      },
    });
    return c.json({ action: actionAnswer(parts, account(c), action) }, 201);
  });

  app.get('/v2/actions', (c) => {
    const { rows, rest } = paginate(c, [...account(c).actions].reverse());
    return c.json({ actions: rows.map((action) => actionAnswer(parts, account(c), action)), ...rest });
  });

  app.get('/v2/actions/:id', (c) => {
    const action = account(c).actions.find((row) => row.id === Number(c.req.param('id')));
    if (!action) throw notFound();
    return c.json({ action: actionAnswer(parts, account(c), action) });
  });
  return app;
}
