import { Hono } from 'hono';
import {
  datacenterAnswer,
  hourly,
  imageAnswer,
  locationAnswer,
  price,
  serverTypeAnswer,
  typePrices,
} from './answers.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { byId } from './context.ts';
import { invalidField } from './errors.ts';
import { paginate, select } from './paging.ts';

/** Resource kinds this cloud lists as empty and can't make: a client's sweep over them finds nothing. */
const EMPTY_KINDS = [
  'ssh_keys',
  'volumes',
  'networks',
  'floating_ips',
  'placement_groups',
  'load_balancers',
  'load_balancer_types',
  'certificates',
  'isos',
] as const;

const IPV4_NET = 0.5;

function pricing(parts: CloudParts) {
  const { locations, serverTypes, vatPercent } = parts.catalogue;
  const perLocation = (net: number) =>
    locations.map(({ name }) => ({ location: name, price_monthly: price(net, vatPercent) }));
  const hourlyToo = (net: number) =>
    perLocation(net).map((entry) => ({ ...entry, price_hourly: price(hourly(net), vatPercent) }));
  return {
    currency: 'EUR',
    vat_rate: vatPercent.toFixed(6),
    image: { price_per_gb_month: price(0.011, vatPercent) },
    volume: { price_per_gb_month: price(0.044, vatPercent) },
    floating_ip: { price_monthly: price(3, vatPercent) },
    floating_ips: [
      { type: 'ipv4', prices: perLocation(3) },
      { type: 'ipv6', prices: perLocation(1) },
    ],
    primary_ips: [
      { type: 'ipv4', prices: hourlyToo(IPV4_NET) },
      { type: 'ipv6', prices: hourlyToo(0) },
    ],
    server_backup: { percentage: '20.000000' },
    server_types: serverTypes.map((entry) => ({
      id: entry.id,
      name: entry.name,
      prices: typePrices(parts.catalogue, entry),
    })),
    load_balancer_types: [],
  };
}

/** Locations, datacenters, server types, images, prices, and the kinds that are always empty. */
export function catalogueRoutes(parts: CloudParts): Hono<CloudEnv> {
  const { catalogue } = parts;
  const app = new Hono<CloudEnv>();

  app.get('/locations', (c) => {
    const { rows, meta } = paginate(c, select(c, catalogue.locations, ['id', 'name']));
    return c.json({ locations: rows.map(locationAnswer), meta });
  });
  app.get('/locations/:id', (c) =>
    c.json({ location: locationAnswer(byId(c, catalogue.locations, 'location')) }),
  );

  const datacenters = () => catalogue.locations.map((place) => ({ ...place.datacenter, place }));
  app.get('/datacenters', (c) => {
    const { rows, meta } = paginate(c, select(c, datacenters(), ['id', 'name']));
    return c.json({
      datacenters: rows.map(({ place }) => datacenterAnswer(parts, c.get('projectName'), place)),
      meta,
      recommendation: catalogue.locations[0]?.datacenter.id ?? 0,
    });
  });
  app.get('/datacenters/:id', (c) =>
    c.json({
      datacenter: datacenterAnswer(parts, c.get('projectName'), byId(c, datacenters(), 'datacenter').place),
    }),
  );

  app.get('/server_types', (c) => {
    const { rows, meta } = paginate(c, select(c, catalogue.serverTypes, ['id', 'name']));
    return c.json({
      server_types: rows.map((entry) => serverTypeAnswer(parts, c.get('projectName'), entry)),
      meta,
    });
  });
  app.get('/server_types/:id', (c) =>
    c.json({
      server_type: serverTypeAnswer(
        parts,
        c.get('projectName'),
        byId(c, catalogue.serverTypes, 'server type'),
      ),
    }),
  );

  app.get('/images', (c) => {
    const architectures = c.req.queries('architecture');
    const types = c.req.queries('type');
    const statuses = c.req.queries('status');
    const withDeprecated = c.req.query('include_deprecated') === 'true';
    if (architectures?.some((name) => name !== 'x86' && name !== 'arm')) {
      throw invalidField('architecture', 'Must be one of: x86, arm.');
    }
    const found = select(c, catalogue.images).filter(
      (entry) =>
        (!architectures || architectures.includes(entry.architecture)) &&
        (!types || types.includes('system')) &&
        (!statuses || statuses.includes('available')) &&
        c.req.query('bound_to') === undefined &&
        (withDeprecated || entry.deprecated === null),
    );
    const { rows, meta } = paginate(c, found);
    return c.json({ images: rows.map(imageAnswer), meta });
  });
  app.get('/images/:id', (c) => c.json({ image: imageAnswer(byId(c, catalogue.images, 'image')) }));

  app.get('/pricing', (c) => c.json({ pricing: pricing(parts) }));

  for (const kind of EMPTY_KINDS) {
    app.get(`/${kind}`, (c) => {
      const { meta } = paginate(c, []);
      return c.json({ [kind]: [], meta });
    });
    app.get(`/${kind}/:id`, (c) => {
      byId(c, [], kind);
      return c.body(null);
    });
  }
  return app;
}
