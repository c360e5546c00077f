import type { Properties, Value } from '../protocol/values.ts';

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const tagAt = /<(\/?)([A-Za-z_][\w.:-]*)[^>]*?(\/?)>/g;
const deepest = 60;

function decoded(text: string): string {
  return text.replace(/&(#x?[\da-fA-F]+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole;
    const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return String.fromCodePoint(code);
  });
}

/**
 * Reads what EC2 answers: elements become objects, elements whose children are all `item` become lists, and text stays
 * text. Attributes are dropped. Raises an error at what isn't well formed.
 */
export function readXml(source: string): Properties {
  type Open = { name: string; children: [string, Value][]; from: number };
  const root: Open = { name: '', children: [], from: 0 };
  const open: Open[] = [root];
  const body = source.replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->/g, '');
  for (const match of body.matchAll(tagAt)) {
    const [whole, closes, name = '', empty] = match;
    const end = match.index + whole.length;
    const current = open.at(-1) ?? root;
    if (closes) {
      if (current.name !== name) throw new Error(`the answer is no XML: </${name}> ends <${current.name}>`);
      open.pop();
      const text = decoded(body.slice(current.from, match.index).trim());
      open.at(-1)?.children.push([name, valueIn(current.children, text)]);
    } else if (empty) {
      current.children.push([name, '']);
    } else {
      if (open.length > deepest) throw new Error('the answer is nested too deeply');
      open.push({ name, children: [], from: end });
    }
  }
  if (open.length !== 1) throw new Error(`the answer is no XML: <${open.at(-1)?.name}> does not end`);
  return Object.fromEntries(root.children);
}

function valueIn(children: readonly [string, Value][], text: string): Value {
  if (children.length === 0) return text;
  if (children.every(([name]) => name === 'item')) return children.map(([, value]) => value);
  return Object.fromEntries(children);
}
