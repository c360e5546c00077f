type Labels = Record<string, string>;
type Matcher = (labels: Labels) => boolean;

const KEY = String.raw`(?:[a-z0-9A-Z][a-z0-9A-Z._-]*\/)?[a-z0-9A-Z](?:[a-z0-9A-Z._-]*[a-z0-9A-Z])?`;
const VALUE = '(?:[a-z0-9A-Z](?:[a-z0-9A-Z._-]*[a-z0-9A-Z])?)?';
const patterns = {
  set: new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^()]*)\)$`),
  equality: new RegExp(String.raw`^(${KEY})\s*(==|=|!=)\s*(${VALUE})$`),
  presence: new RegExp(String.raw`^(!?)\s*(${KEY})$`),
};
const wholeKey = new RegExp(`^${KEY}$`);
const wholeValue = new RegExp(`^${VALUE}$`);

/** Splits at commas that are not inside parentheses. */
function terms(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/).map((term) => term.trim());
}

function matcher(term: string): Matcher | undefined {
  const set = patterns.set.exec(term);
  if (set?.[1] !== undefined && set[3] !== undefined) {
    const key = set[1];
    const values = set[3].split(',').map((value) => value.trim());
    const wantIn = set[2] === 'in';
    return (labels) => {
      const value = labels[key];
      return wantIn
        ? value !== undefined && values.includes(value)
        : value === undefined || !values.includes(value);
    };
  }
  const equality = patterns.equality.exec(term);
  if (equality?.[1] !== undefined) {
    const [, key, operator, value] = equality;
    return (labels) => (operator === '!=' ? labels[key] !== value : labels[key] === value);
  }
  const presence = patterns.presence.exec(term);
  if (presence?.[2] !== undefined) {
    const key = presence[2];
    return presence[1] === '!' ? (labels) => !(key in labels) : (labels) => key in labels;
  }
  return undefined;
}

/**
 * The vendor's label selector (`k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, joined by
 * commas) as a predicate; undefined when the text is no selector.
 */
export function parseLabelSelector(selector: string): Matcher | undefined {
  if (selector.trim() === '') return () => true;
  const matchers: Matcher[] = [];
  for (const term of terms(selector)) {
    const found = matcher(term);
    if (!found) return undefined;
    matchers.push(found);
  }
  return (labels) => matchers.every((matches) => matches(labels));
}

/** True when key and value obey the vendor's rules for labels (63 characters each, 253 for a key's prefix). */
export function isLabel(key: string, value: unknown): value is string {
  const name = key.split('/').at(-1) ?? '';
  return (
    wholeKey.test(key) &&
    name.length <= 63 &&
    key.length <= 317 &&
    typeof value === 'string' &&
    wholeValue.test(value) &&
    value.length <= 63
  );
}
