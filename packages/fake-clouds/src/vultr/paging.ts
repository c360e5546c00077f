import type { CloudContext } from './context.ts';
import { apiError } from './errors.ts';

const defaultPerPage = 100;

/** One page and the cursors around it, in the vendor's `meta`. A cursor names the row after which the page begins. */
export function paginate<Row extends { id: string | number }>(
  c: CloudContext,
  rows: readonly Row[],
  pageSize: number,
) {
  const asked = c.req.query('per_page');
  const perPage = asked === undefined ? defaultPerPage : Number(asked);
  if (!Number.isInteger(perPage) || perPage < 1 || perPage > 500) throw apiError(400, 'Invalid per_page.');
  const size = Math.min(perPage, pageSize);
  const cursor = c.req.query('cursor');
  let start = 0;
  if (cursor) {
    const [, direction, id] =
      /^(next|prev)__(.+)$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
    const at = rows.findIndex((row) => String(row.id) === id);
    if (at < 0) throw apiError(400, 'Invalid cursor.');
    start = direction === 'next' ? at + 1 : Math.max(0, at - size);
  }
  const page = rows.slice(start, start + size);
  const link = (direction: 'next' | 'prev', row: Row | undefined) =>
    row === undefined ? '' : Buffer.from(`${direction}__${row.id}`).toString('base64url');
  return {
    rows: page,
    meta: {
      total: rows.length,
      links: {
        next: start + size < rows.length ? link('next', page.at(-1)) : '',
        prev: start > 0 ? link('prev', page[0]) : '',
      },
    },
  };
}
