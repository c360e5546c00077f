import { CryptoError } from '../errors.ts';

/**
 * JSON with its keys in code point order and no white space, so that equal values have equal bytes (the part of
 * RFC 8785 that our values need). Fields that are undefined are left out. Raises `input_invalid` for what JSON has no
 * word for.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
    return `{${fields.join(',')}}`;
  }
  const text = typeof value === 'number' && !Number.isFinite(value) ? undefined : JSON.stringify(value);
  if (text === undefined)
    throw new CryptoError('input_invalid', 'The value is no JSON.', 'Pass plain data.', { field: 'value' });
  return text;
}
