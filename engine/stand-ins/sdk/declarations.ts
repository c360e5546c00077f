import type { Kind, Shape } from '../protocol/properties.ts';

/** The members of an interface, by name, with the text of their types. */
export type Interface = Record<string, { type: string; required: boolean }>;

type Property = Kind & { required?: boolean };
/** A declaration that refers to itself would never end. */
const deepest = 12;

/**
 * A reader for the declaration files of Pulumi's generated SDKs, and for nothing else: interfaces whose members are
 * made of `pulumi.Input`, strings, numbers, booleans, arrays, maps, enums and other interfaces. Raises an error at
 * anything it doesn't know, so that a changed generator is noticed.
 */
export function readDeclarations(source: string) {
  const text = source.replace(/\/\*[\s\S]*?\*\//g, '');

  function bodyAt(open: number): string {
    let depth = 0;
    for (let at = open; at < text.length; at += 1) {
      if (text[at] === '{') depth += 1;
      if (text[at] === '}') depth -= 1;
      if (depth === 0) return text.slice(open + 1, at);
    }
    throw new Error('a declaration does not end');
  }

  function within(body: string, keyword: string, name: string): string | undefined {
    const found = new RegExp(`\\b${keyword} ${name}(?: extends [^{]+)? \\{`).exec(body);
    if (!found) return undefined;
    const whole = text.indexOf(body);
    return bodyAt(whole + found.index + found[0].length - 1);
  }

  return {
    /** `path` is a name, or names joined by dots where namespaces hold them. */
    interfaceAt(path: string): Interface | undefined {
      const names = path.split('.');
      let body: string | undefined = text;
      for (const namespace of names.slice(0, -1)) {
        if (body !== undefined) body = within(body, 'namespace', namespace);
      }
      const found = body === undefined ? undefined : within(body, 'interface', names.at(-1) ?? '');
      return found === undefined ? undefined : membersOf(found);
    },
  };
}

function membersOf(body: string): Interface {
  const members: Interface = {};
  let depth = 0;
  let start = 0;
  for (let at = 0; at < body.length; at += 1) {
    const character = body[at];
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (character !== ';' || depth > 0) continue;
    const member = /^\s*(?:readonly )?([A-Za-z_]\w*)(\?)?: ([\s\S]+)$/.exec(body.slice(start, at));
    if (!member?.[1] || !member[3])
      throw new Error(`no property: ${body.slice(start, at).trim().slice(0, 80)}`);
    members[member[1]] = { type: member[3].trim(), required: member[2] === undefined };
    start = at + 1;
  }
  return members;
}

type Finder = (path: string) => Interface | undefined;

/** What the text of a type means. `find` looks up an interface like `inputs.DropletBackupPolicy`. */
export function kindOf(type: string, find: Finder, depth = 0): Kind {
  if (depth > deepest) throw new Error(`${type} is nested too deeply`);
  const plain = unwrapped(type);
  const choices = split(plain, '|').filter((choice) => choice !== 'undefined');
  if (choices.length > 1) {
    // A string beside a resource, an enum or a list: the engine sends whichever the program gave.
    if (choices.some((choice) => unwrapped(choice).endsWith('[]'))) return { kind: 'any' };
    return kindOf(choices[0] ?? '', find, depth + 1);
  }
  const only = choices[0] ?? '';
  if (only !== plain) return kindOf(only, find, depth + 1);
  if (only.endsWith('[]')) return { kind: 'array', of: kindOf(only.slice(0, -2), find, depth + 1) };
  if (only === 'string' || only === 'number' || only === 'boolean' || only === 'any') return { kind: only };
  if (/^(pulumi\.)?(ID|ARN)$/.test(only) || only.startsWith('enums.') || /^[A-Z]\w*$/.test(only)) {
    return { kind: 'string' };
  }
  const map = /^\{\s*\[key: string\]: ([\s\S]+);\s*\}$/.exec(only);
  if (map?.[1]) return { kind: 'map', of: kindOf(map[1], find, depth + 1) };
  const members = find(only);
  if (members) return { kind: 'object', properties: shapeOf(members, find, depth + 1) };
  throw new Error(`unknown type: ${only.slice(0, 80)}`);
}

/** The kinds of an interface's members, in the order of their names. */
export function shapeOf(members: Interface, find: Finder, depth = 0): Shape {
  const shape: Record<string, Property> = {};
  for (const name of Object.keys(members).sort()) {
    const { type, required } = members[name]!;
    shape[name] = { ...kindOf(type, find, depth), ...(required ? { required } : {}) };
  }
  return shape;
}

/** Without the wrappers that say "now or later". */
function unwrapped(type: string): string {
  const wrapped = /^pulumi\.(?:Input|Output)<([\s\S]+)>$/.exec(type.trim());
  return wrapped?.[1] && balanced(wrapped[1]) ? unwrapped(wrapped[1]) : type.trim();
}

function balanced(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === '<') depth += 1;
    if (character === '>') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const character = text[at];
    if (character !== undefined && '<{['.includes(character)) depth += 1;
    if (character !== undefined && '>}]'.includes(character)) depth -= 1;
    if (at < text.length && (depth > 0 || character !== separator)) continue;
    parts.push(text.slice(start, at).trim());
    start = at + 1;
  }
  return parts;
}
