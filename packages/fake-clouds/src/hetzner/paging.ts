import type { CloudContext } from './context.ts';
import { apiError, invalidField } from './errors.ts';
import { parseLabelSelector } from './selectors.ts';

const DEFAULT_PER_PAGE = 25;
const MAX_PER_PAGE = 50;

interface Listable {
  id: number;
  name?: string;
  created?: string;
  labels?: Record<string, string>;
}

function positive(c: CloudContext, name: string, fallback: number): number {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw invalidField(name, 'Must be an integer of at least 1.');
  return value;
}

/** Slices one page and says where it stands, in the vendor's `meta.pagination`. */
export function paginate<Row>(c: CloudContext, rows: Row[]) {
  const page = positive(c, 'page', 1);
  const perPage = Math.min(positive(c, 'per_page', DEFAULT_PER_PAGE), MAX_PER_PAGE);
  const lastPage = Math.max(1, Math.ceil(rows.length / perPage));
  return {
    rows: rows.slice((page - 1) * perPage, page * perPage),
    meta: {
      pagination: {
        page,
        per_page: perPage,
        previous_page: page > 1 ? page - 1 : null,
        next_page: page < lastPage ? page + 1 : null,
        last_page: lastPage,
        total_entries: rows.length,
      },
    },
  };
}

function sorted<Row extends Listable>(c: CloudContext, rows: Row[], sortable: readonly string[]): Row[] {
  const orders = (c.req.queries('sort') ?? []).map((order) => {
    const [field = '', direction = 'asc'] = order.split(':');
    if (!sortable.includes(field) || !['asc', 'desc'].includes(direction)) {
      throw invalidField('sort', `'${order}' is not a valid sort order.`);
    }
    return { field: field as keyof Row, sign: direction === 'desc' ? -1 : 1 };
  });
  return [...rows].sort((a, b) => {
    for (const { field, sign } of orders) {
      const [left, right] = [a[field], b[field]];
      if (left === right) continue;
      return (left as never) < (right as never) ? -sign : sign;
    }
    return a.id - b.id;
  });
}

/** The rows the query asks for: `name`, `label_selector` and `sort`, as on the vendor's list endpoints. */
export function select<Row extends Listable>(
  c: CloudContext,
  rows: Row[],
  sortable: readonly string[] = ['id', 'name', 'created'],
): Row[] {
  const name = c.req.query('name');
  const selector = c.req.query('label_selector');
  const matches = selector === undefined ? () => true : parseLabelSelector(selector);
  if (!matches)
    throw apiError('invalid_input', `invalid label selector '${selector}'`, {
      fields: [{ name: 'label_selector', messages: ['Not a valid label selector.'] }],
    });
  const found = rows.filter((row) => (name === undefined || row.name === name) && matches(row.labels ?? {}));
  return sorted(c, found, sortable);
}
