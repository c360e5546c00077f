import type { Kind, Shape } from './properties.ts';
import { isUnknown, object, type Properties, type Value } from './values.ts';

export type Failure = { readonly property: string; readonly reason: string };

/**
 * The words of the official providers, which tools and people search for. Like them, a failure names its property in
 * its text alone.
 */
const words = {
  unexpected: (at: string) => `Invalid or unknown key. Examine values at '${at}'.`,
  missing: (name: string, at: string) =>
    `Missing required argument. The argument "${name}" is required, but no definition was found.. Examine values at '${at}'.`,
  wrongKind: ({ kind }: Kind, value: Value, at: string) => {
    const found = Array.isArray(value) ? 'a list' : 'a map';
    const summary =
      kind === 'array'
        ? 'Attribute must be a list'
        : kind === 'map'
          ? 'Attribute must be a map'
          : kind === 'object'
            ? 'Expected Object Type'
            : typeof value === 'object'
              ? `Attribute must be a single value, not ${found}`
              : kind === 'number'
                ? `Attribute must be a whole number, got ${value}`
                : `expected type '${kind}', got ${value}`;
    return `${summary}. Examine values at '${at}'.`;
  },
};

/** Terraform's name for a property: what the official providers' messages say. */
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What is wrong with a resource's inputs. `at` is the resource's name. Unknown values of a preview pass. */
export function failuresOf(
  inputs: Properties,
  shape: Shape,
  at: string,
  required: readonly string[] = [],
): Failure[] {
  const failures: Failure[] = [];
  const fail = (reason: string) => failures.push({ property: '', reason });
  walk(inputs, shape, '', at, required, fail);
  return failures;
}

type Fail = (reason: string) => void;

function walk(
  values: Properties,
  shape: Shape,
  path: string,
  at: string,
  required: readonly string[],
  fail: Fail,
) {
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith('__')) continue;
    const kind = shape[name];
    if (kind === undefined) fail(words.unexpected(`${at}.${inside(name)}`));
    else checkKind(value, kind, inside(name), at, fail);
  }
  for (const [name, { required: declared }] of Object.entries(shape)) {
    if (!declared && !required.includes(name)) continue;
    if (values[name] === undefined || values[name] === null) {
      fail(words.missing(snake(name), `${at}.${inside(name)}`));
    }
  }
}

function checkKind(value: Value, kind: Kind, path: string, at: string, fail: Fail): void {
  if (value === null || kind.kind === 'any' || (typeof value === 'string' && isUnknown(value))) return;
  if (!fits(value, kind)) {
    fail(words.wrongKind(kind, value, `${at}.${path}`));
  } else if (kind.kind === 'array' && Array.isArray(value)) {
    for (const [index, entry] of value.entries()) checkKind(entry, kind.of, `${path}[${index}]`, at, fail);
  } else if (kind.kind === 'object') {
    walk(object(value), kind.properties, path, at, [], fail);
  } else if (kind.kind === 'map') {
    for (const [name, entry] of Object.entries(object(value)))
      checkKind(entry, kind.of, `${path}.${name}`, at, fail);
  }
}

/** Like the official ones: a number or a boolean may come as text, and the other way round. */
function fits(value: Value, { kind }: Kind): boolean {
  if (kind === 'array') return Array.isArray(value);
  if (kind === 'map' || kind === 'object') return typeof value === 'object' && !Array.isArray(value);
  if (typeof value === 'object') return false;
  if (kind === 'number') return typeof value !== 'boolean' && !Number.isNaN(Number(value));
  return kind === 'string' || typeof value === 'boolean' || value === 'true' || value === 'false';
}

/** Values in the kinds of the declarations: a number that came as text becomes one. */
export function coerced(values: Properties, shape: Shape): Properties {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const kind = shape[name];
      return [name, kind ? coerce(value, kind) : value];
    }),
  );
}

function coerce(value: Value, kind: Kind): Value {
  if (value === null || isUnknown(value)) return value;
  if (Array.isArray(value))
    return kind.kind === 'array' ? value.map((entry) => coerce(entry, kind.of)) : value;
  if (typeof value === 'object') return kind.kind === 'object' ? coerced(value, kind.properties) : value;
  if (kind.kind === 'number') return Number(value);
  if (kind.kind === 'boolean') return value === true || value === 'true';
  return kind.kind === 'string' ? String(value) : value;
}
