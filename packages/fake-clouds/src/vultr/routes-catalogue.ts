import { Hono } from 'hono';
import type { Plan } from './catalogue.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { apiError } from './errors.ts';
import { paginate } from './paging.ts';

/** What the vendor sells, and whose key is asking. */
export function catalogueRoutes({ catalogue, limits, faults }: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const ofType = (type: string | undefined) =>
    catalogue.plans.filter((plan) => type === undefined || type === 'all' || plan.type === type);

  app.get('/regions', (c) => {
    const { rows, meta } = paginate(c, catalogue.regions, limits.pageSize);
    return c.json({ regions: rows.map((region) => ({ ...region, options: ['ddos_protection'] })), meta });
  });

  app.get('/regions/:id/availability', (c) => {
    const region = catalogue.regions.find(({ id }) => id === c.req.param('id'));
    if (!region) throw apiError(404, 'Invalid region.');
    const has = (plan: Plan) =>
      plan.locations.includes(region.id) &&
      !plan.soldOut?.includes(region.id) &&
      !faults.showsSoldOut(c.get('accountName'), plan.id, region.id);
    return c.json({
      available_plans: ofType(c.req.query('type'))
        .filter(has)
        .map(({ id }) => id),
    });
  });

  app.get('/plans', (c) => {
    const { rows, meta } = paginate(c, ofType(c.req.query('type')), limits.pageSize);
    return c.json({
      plans: rows.map((plan) => ({
        id: plan.id,
        vcpu_count: plan.vcpus,
        ram: plan.ramMb,
        disk: plan.diskGb,
        disk_count: plan.diskGb === 0 ? 0 : 1,
        bandwidth: 2000,
        monthly_cost: plan.monthly,
        type: plan.type,
        locations: plan.locations,
      })),
      meta,
    });
  });

  app.get('/os', (c) => {
    const { rows, meta } = paginate(c, catalogue.os, limits.pageSize);
    return c.json({ os: rows, meta });
  });

  app.get('/account', (c) => {
    const account = c.get('account');
    return c.json({
      account: {
        name: account.name,
        email: account.email,
        acls: c.get('grant').acls,
        balance: account.balance,
        pending_charges: account.pendingCharges,
        ...(account.lastPayment
          ? { last_payment_date: account.lastPayment.date, last_payment_amount: account.lastPayment.amount }
          : {}),
      },
    });
  });
  return app;
}
