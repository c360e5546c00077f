import type { Properties, Value } from './values.ts';

/** Arguments of a provider: what isn't text travels as JSON in text. */
export function decoded(args: Properties): Properties {
  return Object.fromEntries(
    Object.entries(args)
      .filter(([name]) => name !== 'version' && name !== 'pluginDownloadURL')
      .map(([name, value]) => [name, parsed(value)]),
  );
}

function parsed(value: Value): Value {
  if (typeof value !== 'string' || !/^(?:[[{]|true$|false$|-?\d+(?:\.\d+)?$)/.test(value)) return value;
  try {
    // A token may look like a number: only what survives the way back is one.
    const read = JSON.parse(value) as Value;
    return typeof read === 'number' && String(read) !== value ? value : read;
  } catch {
    return value;
  }
}
