import { Hono } from 'hono';
import { accountAnswer, imageAnswer, regionAnswer, sizeAnswer } from './answers.ts';
import type { CloudEnv, CloudParts } from './context.ts';
import { notFound } from './errors.ts';
import { paginate } from './paging.ts';

/** The account, and what is for sale. */
export function catalogueRoutes(parts: CloudParts): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const { catalogue } = parts;

  app.get('/v2/account', (c) => {
    const { scopes } = c.get('grant');
    const mayReadDroplets = scopes === 'all' || scopes.includes('droplet:read');
    return c.json({ account: accountAnswer(c.get('account'), mayReadDroplets) });
  });
  app.get('/v2/regions', (c) => {
    const { rows, rest } = paginate(c, catalogue.regions);
    return c.json({ regions: rows.map((region) => regionAnswer(parts, c.get('account'), region)), ...rest });
  });
  app.get('/v2/sizes', (c) => {
    const { rows, rest } = paginate(c, catalogue.sizes);
    return c.json({ sizes: rows.map(sizeAnswer), ...rest });
  });
  app.get('/v2/images', (c) => {
    const type = c.req.query('type');
    const isPrivate = c.req.query('private') === 'true';
    const found = isPrivate || type === 'application' ? [] : catalogue.images;
    const { rows, rest } = paginate(c, found);
    return c.json({ images: rows.map(imageAnswer), ...rest });
  });
  app.get('/v2/images/:id', (c) => {
    const id = c.req.param('id');
    const image = catalogue.images.find((entry) => entry.slug === id || String(entry.id) === id);
    if (!image) throw notFound();
    return c.json({ image: imageAnswer(image) });
  });
  return app;
}
