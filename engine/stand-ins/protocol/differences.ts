import type { Shape } from './properties.ts';
import type { Change, Resource } from './resource.ts';
import { isSame, isUnknown, isZero, object, type Properties, type Value } from './values.ts';

/** The part of a resource that says how it is compared. */
export type ComparisonRules = Pick<
  Resource<never>,
  'computed' | 'partial' | 'sets' | 'stored' | 'replaces' | 'mustReplace' | 'ignores'
>;

export type Differences = {
  readonly changed: readonly Change[];
  /** Those of the changed that make a new resource. */
  readonly replaced: readonly string[];
};

/**
 * What differs between what the state says and what the program wants, in the way Terraform compares: with the state
 * (what the cloud said last) and not with what the program said last; an input that the cloud fills in counts only
 * where the program gives one.
 */
export function differencesOf(
  resource: ComparisonRules,
  shape: Shape,
  { state, inputs, ignored }: { state: Properties; inputs: Properties; ignored: readonly string[] },
): Differences {
  const changed: Change[] = [];
  for (const name of Object.keys(shape)) {
    if (ignored.some((path) => path === '*' || path === name || path.startsWith(`${name}.`))) continue;
    const after = storedValue(resource, name, inputs[name]);
    const before = state[name];
    const missing = inputs[name] === undefined || inputs[name] === null || inputs[name] === '';
    if (missing && resource.computed?.includes(name)) continue;
    const counted = resource.partial?.includes(name) ? partOf(before, after) : before;
    if (!isUnknown(after) && isSame(counted, after, resource.sets?.includes(name))) continue;
    const change = { name, before, after };
    if (!resource.ignores?.(change)) changed.push(change);
  }
  const replaced = changed
    .filter((change) => resource.replaces?.includes(change.name) || resource.mustReplace?.(change))
    .map(({ name }) => name);
  return { changed, replaced };
}

/** What the state says of the parts that the program gives. */
function partOf(before: Value | undefined, after: Value | undefined): Value | undefined {
  const given = object(after);
  return Object.fromEntries(Object.entries(object(before)).filter(([name]) => !isZero(given[name])));
}

/** A property as it stands in the state. */
export function storedValue(
  resource: ComparisonRules,
  name: string,
  value: Value | undefined,
): Value | undefined {
  const store = resource.stored?.[name];
  return store === undefined || value === undefined || isZero(value) || isUnknown(value)
    ? value
    : store(value);
}
