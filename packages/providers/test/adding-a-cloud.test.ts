import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { clouds } from '../clouds.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/adding-a-cloud.md'), 'utf8');

/** An item of the page's checklist: a path, what must be so of it, and the names of that. */
interface Item {
  readonly path: string;
  readonly verb: 'exports' | 'names' | 'has' | 'holds';
  readonly wanted: readonly string[];
}

function checklist(): Item[] {
  const section = /^## Checklist\n([\s\S]*?)(?=^## )/m.exec(page)?.[1] ?? '';
  const items = section.split(/^- \[ \] /m).slice(1);
  return items.map((text) => {
    const [, path, verb, rest = ''] = /^`([^`]+)` (exports|names|has|holds) ([\s\S]*)$/.exec(text) ?? [];
    if (!path || !verb) throw new Error(`The checklist has an item of another form: ${text}`);
    // What follows a colon is said to people.
    const [claim = ''] = rest.split(/:\s/);
    const wanted = [...claim.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\s+/g, ' '));
    return { path, verb: verb as Item['verb'], wanted };
  });
}

const folders = [...new Set(clouds.map(({ folder }) => folder))];

describe('the checklist of docs/adding-a-cloud.md', () => {
  test('names every part of a cloud', () => {
    expect(checklist().map(({ path }) => path.split('/')[0])).toEqual([
      'packages',
      'packages',
      'packages',
      'packages',
      'packages',
      'stacks',
      'packages',
      'tests',
      'docs',
    ]);
    for (const { verb, wanted, path } of checklist())
      if (verb !== 'holds') expect(wanted.length, path).toBeGreaterThan(0);
  });

  describe.each(folders)('%s', (folder) => {
    test.each(checklist())('$path $verb $wanted', { timeout: 120_000 }, async (item) => {
      const own = (text: string) => text.replaceAll('<cloud>', folder);
      const path = join(root, own(item.path));
      if (item.verb === 'holds') {
        const files = globSync(path);
        expect(files.length, `files like ${relative(root, path)}`).toBeGreaterThan(0);
        for (const file of files) expect(() => JSON.parse(readFileSync(file, 'utf8')), file).not.toThrow();
        return;
      }
      expect(existsSync(path), relative(root, path)).toBe(true);
      if (item.verb === 'exports') {
        const module = (await import(pathToFileURL(path).href)) as object;
        expect(Object.keys(module)).toEqual(expect.arrayContaining(item.wanted.map(own)));
        return;
      }
      const text = readFileSync(path, 'utf8');
      const lines = text.split('\n');
      for (const name of item.wanted.map(own))
        if (item.verb === 'has') expect(lines).toContain(name);
        else expect(text).toContain(name);
    });
  });
});
