import type { CloudContext } from './context.ts';
import { apiError } from './errors.ts';

const defaultPerPage = 20;
const maxPerPage = 200;

function positive(c: CloudContext, name: string, fallback: number): number {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw apiError(400, `${name} must be a positive number`);
  return value;
}

/** One page, the addresses of the pages around it where there are any, and the number of all rows. */
export function paginate<Row>(c: CloudContext, rows: readonly Row[]) {
  const page = positive(c, 'page', 1);
  const perPage = Math.min(positive(c, 'per_page', defaultPerPage), maxPerPage);
  const last = Math.max(1, Math.ceil(rows.length / perPage));
  const at = (number: number) => {
    const url = new URL(c.req.url);
    url.searchParams.set('page', String(number));
    url.searchParams.set('per_page', String(perPage));
    return url.href;
  };
  const pages = {
    ...(page > 1 ? { first: at(1), prev: at(page - 1) } : {}),
    ...(page < last ? { next: at(page + 1), last: at(last) } : {}),
  };
  return {
    rows: rows.slice((page - 1) * perPage, page * perPage),
    rest: { links: Object.keys(pages).length > 0 ? { pages } : {}, meta: { total: rows.length } },
  };
}
