import { Hono } from 'hono';
import { blockAnswer, reservedIpAnswer } from './answers.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { readObject, stamp, textField } from './context.ts';
import { apiError } from './errors.ts';
import { paginate } from './paging.ts';
import type { BlockRow, ReservedIpRow } from './state.ts';

/** Block storage and reserved addresses: an owner may have put the product's tag on some as their label. */
export function storageRoutes({ catalogue, limits, newId, now }: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const regionField = (body: Record<string, unknown>) => {
    const region = textField(body, 'region');
    if (!catalogue.regions.some(({ id }) => id === region)) throw apiError(400, 'Invalid region.');
    return region;
  };
  const find = <Row extends { id: string }>(rows: Row[], id: string, what: string): Row => {
    const row = rows.find((candidate) => candidate.id === id);
    if (!row) throw apiError(404, `${what} not found.`);
    return row;
  };

  app.get('/blocks', (c) => {
    const { rows, meta } = paginate(c, c.get('account').blocks, limits.pageSize);
    return c.json({ blocks: rows.map(blockAnswer), meta });
  });
  app.post('/blocks', async (c) => {
    const body = await readObject(c);
    const size = body.size_gb;
    if (typeof size !== 'number' || size < 10) throw apiError(400, 'Invalid size_gb.');
    const row: BlockRow = {
      id: newId(),
      label: textField(body, 'label'),
      region: regionField(body),
      sizeGb: size,
      created: stamp(now()),
      attachedTo: '',
    };
    c.get('account').blocks.push(row);
    return c.json({ block: blockAnswer(row) }, 202);
  });
  app.get('/blocks/:id', (c) =>
    c.json({ block: blockAnswer(find(c.get('account').blocks, c.req.param('id'), 'Block storage')) }),
  );
  app.delete('/blocks/:id', (c) => {
    const account = c.get('account');
    const row = find(account.blocks, c.req.param('id'), 'Block storage');
    account.blocks = account.blocks.filter((candidate) => candidate !== row);
    return c.body(null, 204);
  });

  app.get('/reserved-ips', (c) => {
    const { rows, meta } = paginate(c, c.get('account').reservedIps, limits.pageSize);
    return c.json({ reserved_ips: rows.map(reservedIpAnswer), meta });
  });
  app.post('/reserved-ips', async (c) => {
    const body = await readObject(c);
    if (body.ip_type !== 'v4') throw apiError(400, 'Invalid ip_type.');
    const { reservedIps } = c.get('account');
    const row: ReservedIpRow = {
      id: newId(),
      label: textField(body, 'label'),
      region: regionField(body),
      subnet: `198.19.0.${reservedIps.length + 1}`,
      attachedTo: '',
    };
    reservedIps.push(row);
    return c.json({ reserved_ip: reservedIpAnswer(row) }, 201);
  });
  app.get('/reserved-ips/:id', (c) =>
    c.json({
      reserved_ip: reservedIpAnswer(find(c.get('account').reservedIps, c.req.param('id'), 'Reserved IP')),
    }),
  );
  app.delete('/reserved-ips/:id', (c) => {
    const account = c.get('account');
    const row = find(account.reservedIps, c.req.param('id'), 'Reserved IP');
    account.reservedIps = account.reservedIps.filter((candidate) => candidate !== row);
    return c.body(null, 204);
  });

  app.get('/vpcs', (c) => c.json({ vpcs: [], meta: paginate(c, [], limits.pageSize).meta }));
  return app;
}
