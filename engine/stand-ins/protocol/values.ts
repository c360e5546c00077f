/** A property's value once secrets are unwrapped. An unknown one of a preview is its sentinel string. */
export type Value = null | boolean | number | string | Value[] | Properties;
export type Properties = { [name: string]: Value };

const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';
/** What a preview sends for a value that only a real run knows. */
export const unknownValue = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const unknowns = new Set([
  unknownValue,
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);

const isObject = (value: Value | undefined): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSecret = (value: Properties): boolean => value[signatureKey] === secretSignature;

/** Properties as the engine sends them, and the names of those that hold a secret anywhere. */
export type Unwrapped = { readonly values: Properties; readonly secrets: ReadonlySet<string> };

/** Takes the engine's secret wrappers off; they are put back, one level up, by `wrap`. */
export function unwrap(properties: Properties): Unwrapped {
  const values: Properties = {};
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(properties)) {
    values[name] = bare(value, () => secrets.add(name));
  }
  return { values, secrets };
}

function bare(value: Value, onSecret: () => void): Value {
  if (Array.isArray(value)) return value.map((entry) => bare(entry, onSecret));
  if (!isObject(value)) return value;
  if (isSecret(value)) {
    onSecret();
    return bare(value['value'] ?? null, onSecret);
  }
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, bare(entry, onSecret)]));
}

/** Marks the named properties as secrets again. */
export function wrap(values: Properties, secrets: ReadonlySet<string>): Properties {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      secrets.has(name) && value !== null ? { [signatureKey]: secretSignature, value } : value,
    ]),
  );
}

/** Whether a value is, or holds, one that only a real run knows. */
export function isUnknown(value: Value | undefined): boolean {
  if (typeof value === 'string') return unknowns.has(value);
  if (Array.isArray(value)) return value.some(isUnknown);
  return isObject(value) && Object.values(value).some(isUnknown);
}

/** Terraform's zero values: a property that is one of them and one that is left out mean the same. */
export function isZero(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every(isZero);
}

/** Whether two values mean the same. Lists named as sets have no order. */
export function isSame(one: Value | undefined, other: Value | undefined, asSet = false): boolean {
  if (isZero(one) && isZero(other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    if (one.length !== other.length) return false;
    if (!asSet) return one.every((entry, at) => isSame(entry, other[at], true));
    const left = [...other];
    return one.every((entry) => {
      const at = left.findIndex((candidate) => isSame(entry, candidate, true));
      if (at < 0) return false;
      left.splice(at, 1);
      return true;
    });
  }
  if (isObject(one) && isObject(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].every((name) => name.startsWith('__') || isSame(one[name], other[name], true));
  }
  return one === other || (one != null && other != null && String(one) === String(other));
}

/** A property as text; empty where there is none. */
export function text(value: Value | undefined): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** A property as a list of texts. */
export function texts(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** A property as an object; empty where there is none. */
export function object(value: Value | undefined): Properties {
  return isObject(value) ? value : {};
}

/** A property as a list of objects. */
export function objects(value: Value | undefined): Properties[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
