type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown): boolean => {
  if (isObject(a) && isObject(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].every((name) => same(a[name], b[name]));
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => same(item, b[at]));
  return a === b;
};

/**
 * The merge patch (RFC 7396) that makes `after` of `before`: what did not change is not in it, so a value that was
 * redacted stays what it is on the server as long as nobody touches it. Pure.
 */
export function mergePatchOf(before: Json, after: Json): Json {
  const patch: Json = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (Object.hasOwn(before, name) && same(old, value)) continue;
    patch[name] = isObject(old) && isObject(value) ? mergePatchOf(old, value) : value;
  }
  return patch;
}

export type Edited =
  | { readonly ok: true; readonly patch: Json }
  | { readonly ok: false; readonly trouble: string };

/** An edited configuration as a patch, or what is wrong with its text and on which line. */
export function readEdit(before: Json, text: string): Edited {
  let after: unknown;
  try {
    after = JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(said)?.[1];
    const line =
      /line (\d+)/.exec(said)?.[1] ??
      (position && String(text.slice(0, Number(position)).split('\n').length));
    return { ok: false, trouble: `This is not JSON${line ? `: look at line ${line}` : ''}.` };
  }
  if (!isObject(after))
    return { ok: false, trouble: 'The configuration is an object: it begins with { and ends with }.' };
  return { ok: true, patch: mergePatchOf(before, after) };
}
