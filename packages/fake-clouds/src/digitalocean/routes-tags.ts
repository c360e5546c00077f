import { Hono } from 'hono';
import { tagAnswer } from './answers.ts';
import { type CloudContext, type CloudEnv, readObject } from './context.ts';
import { tagName } from './droplet-life.ts';
import { notFound, unprocessable } from './errors.ts';
import { paginate } from './paging.ts';
import type { DropletRow } from './state.ts';

/** Tags: names of their own, that stay when nothing bears them. Making one that is there is no error. */
export function tagRoutes(): Hono<CloudEnv> {
  const app = new Hono<CloudEnv>();
  const account = (c: CloudContext) => c.get('account');
  const answer = (c: CloudContext, name: string) => tagAnswer(account(c), name, new URL(c.req.url).origin);

  function own(c: CloudContext): string {
    const wanted = c.req.param('name')?.toLowerCase();
    const name = account(c).tags.find((candidate) => candidate.toLowerCase() === wanted);
    if (name === undefined) throw notFound();
    return name;
  }

  async function named(c: CloudContext): Promise<DropletRow[]> {
    const { resources } = await readObject(c);
    if (!Array.isArray(resources)) throw unprocessable('resources are missing');
    return resources.map((entry: { resource_id?: unknown; resource_type?: unknown }) => {
      const row = account(c).droplets.find((droplet) => String(droplet.id) === entry.resource_id);
      if (entry.resource_type !== 'droplet' || !row) throw notFound();
      return row;
    });
  }

  app.get('/v2/tags', (c) => {
    const { rows, rest } = paginate(c, account(c).tags);
    return c.json({ tags: rows.map((name) => answer(c, name)), ...rest });
  });

  app.post('/v2/tags', async (c) => {
    const { name } = await readObject(c);
    if (typeof name !== 'string' || !tagName.test(name)) throw unprocessable('Name is invalid');
    const { tags } = account(c);
    const there = tags.find((tag) => tag.toLowerCase() === name.toLowerCase());
    if (there === undefined) tags.push(name);
    return c.json({ tag: answer(c, there ?? name) }, 201);
  });

  app.get('/v2/tags/:name', (c) => c.json({ tag: answer(c, own(c)) }));

  app.delete('/v2/tags/:name', (c) => {
    const name = own(c);
    const state = account(c);
    const without = (tags: string[]) => tags.filter((tag) => tag !== name);
    state.tags = without(state.tags);
    for (const row of [...state.droplets, ...state.firewalls]) row.tags = without(row.tags);
    return c.body(null, 204);
  });

  app.post('/v2/tags/:name/resources', async (c) => {
    const name = own(c);
    for (const row of await named(c)) if (!row.tags.includes(name)) row.tags.push(name);
    return c.body(null, 204);
  });

  app.delete('/v2/tags/:name/resources', async (c) => {
    const name = own(c);
    for (const row of await named(c)) row.tags = row.tags.filter((tag) => tag !== name);
    return c.body(null, 204);
  });
  return app;
}
