import { Hono } from 'hono';
import { type FaultTarget, takeBootBehaviour } from '../faults/faults.ts';
import { instanceAnswer } from './answers.ts';
import type { CloudContext, CloudEnv, CloudParts } from './context.ts';
import { readObject, textField, textsField, uuid } from './context.ts';
import { makeInstance, readOrder } from './create-instance.ts';
import { apiError, texts } from './errors.ts';
import type { InstanceLife } from './instance-life.ts';
import { paginate } from './paging.ts';
import type { InstanceRow } from './state.ts';
import { upgradesOf } from './upgrades.ts';

/** Instances: create, read, change, power, delete. */
export function instanceRoutes(parts: CloudParts, life: InstanceLife): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { faults, limits } = parts;

  function own(c: CloudContext): InstanceRow {
    const id = c.req.param('id') ?? '';
    const row = uuid.test(id) ? c.get('account').instances.find((entry) => entry.id === id) : undefined;
    if (!row) throw apiError(404, parts.goneText);
    return row;
  }

  app.get('/instances', (c) => {
    const tag = c.req.query('tag')?.toLowerCase();
    const { label, region, main_ip } = c.req.query();
    // The vendor compares tags without regard to case, and labels as they are.
    const found = c
      .get('account')
      .instances.filter(
        (row) =>
          (tag === undefined || row.tags.some((own) => own.toLowerCase() === tag)) &&
          (label === undefined || row.label === label) &&
          (region === undefined || row.region === region) &&
          (main_ip === undefined || row.mainIp === main_ip),
      );
    const { rows, meta } = paginate(c, found, limits.pageSize);
    return c.json({ instances: rows.map((row) => instanceAnswer(parts, row)), meta });
  });

  app.post('/instances', async (c) => {
    const accountName = c.get('accountName');
    const row = readOrder(parts, c.get('account'), await readObject(c));
    const target: FaultTarget = {
      method: 'POST',
      path: '/instances',
      account: accountName,
      makes: 'server',
      size: row.plan,
      region: row.region,
    };
    if (faults.take(['sold_out'], target))
      throw apiError(400, 'Server add failed: Plan is not available in the selected location.');
    // Where other clouds have an action that hangs or fails, an instance of this one stays pending or is suspended.
    const ends = { action_stuck: 'stuck', action_fails: 'fails' } as const;
    const struck = faults.take(['action_fails', 'action_stuck'], target)?.kind;
    const end = struck === undefined ? {} : { end: ends[struck as keyof typeof ends] };
    await makeInstance(parts, life, accountName, row, { boot: takeBootBehaviour(faults, target), ...end });
    return c.json(
      { instance: instanceAnswer(parts, { ...row, status: 'pending', health: 'none' }, true) },
      202,
    );
  });

  app.get('/instances/:id', (c) => c.json({ instance: instanceAnswer(parts, own(c)) }));

  app.patch('/instances/:id', async (c) => {
    const row = own(c);
    const body = await readObject(c);
    const plan = textField(body, 'plan');
    if (plan && plan !== row.plan && !upgradesOf(parts, row).includes(plan))
      throw apiError(400, texts.badPlan);
    if (plan && plan !== row.plan && row.status !== 'active')
      throw apiError(500, 'Unable to upgrade server: Server is currently locked');
    const group = textField(body, 'firewall_group_id');
    if (group && !c.get('account').firewallGroups.some(({ id }) => id === group))
      throw apiError(400, 'Invalid firewall group.');
    // As the vendor does: what is absent or empty stays as it is.
    row.label = textField(body, 'label') || row.label;
    row.firewallGroupId = group || row.firewallGroupId;
    row.tags = textsField(body, 'tags') ?? row.tags;
    if (typeof body.ddos_protection === 'boolean') row.ddosProtection = body.ddos_protection;
    if (body.backups === 'enabled' || body.backups === 'disabled') row.backups = body.backups === 'enabled';
    if (plan && plan !== row.plan) life.grow(row, plan);
    return c.json({ instance: instanceAnswer(parts, row) }, 202);
  });

  app.delete('/instances/:id', async (c) => {
    const row = own(c);
    if (row.status === 'resizing' || row.health === 'locked') throw apiError(500, texts.locked);
    await life.remove(c.get('accountName'), row);
    return c.body(null, 204);
  });

  const power = (verb: 'start' | 'halt' | 'reboot') =>
    app.post(`/instances/:id/${verb}`, async (c) => {
      await life[verb](own(c));
      return c.body(null, 204);
    });
  power('start');
  power('halt');
  power('reboot');

  app.get('/instances/:id/upgrades', (c) => {
    const row = own(c);
    const type = c.req.query('type') ?? 'all';
    const shows = (kind: string) => type === 'all' || type === kind;
    return c.json({
      upgrades: {
        ...(shows('applications') ? { applications: [] } : {}),
        ...(shows('os') ? { os: [] } : {}),
        ...(shows('plans') ? { plans: upgradesOf(parts, row) } : {}),
      },
    });
  });

  app.get('/instances/:id/user-data', (c) =>
    c.json({ user_data: { data: Buffer.from(own(c).userData).toString('base64') } }),
  );

  app.get('/instances/:id/backup-schedule', (c) => {
    const { backups } = own(c);
    return c.json({
      backup_schedule: backups
        ? { enabled: true, type: 'daily', next_scheduled_time_utc: '', hour: 4, dow: 1, dom: 1 }
        : { enabled: false, type: '', next_scheduled_time_utc: '', hour: 0, dow: 0, dom: 0 },
    });
  });

  // Nothing of this cloud makes private networks; the vendor's provider asks all the same.
  app.get('/instances/:id/vpcs', (c) => {
    own(c);
    return c.json({ vpcs: [], meta: paginate(c, [], limits.pageSize).meta });
  });
  return app;
}
