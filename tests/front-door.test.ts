import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].concat(
  readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
);

describe.each(pages)('%s', (page) => {
  test('names only commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/(?:^|`)npm (?:run )?([a-z][\w:-]*)/gm)].map(
      ([, name]) => name ?? '',
    );
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  test('names only files of the tree that exist', () => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target ?? '');
    for (const target of targets)
      expect([target, existsSync(join(root, dirname(page), target))]).toEqual([target, true]);
    const paths = [
      ...read(page).matchAll(
        /`((?:apps|packages|stacks|bootstrap|engine|tests|supabase|scripts|docs)\/[\w./-]+)`/g,
      ),
    ].map(([, path]) => path ?? '');
    for (const path of paths) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });
});

test.each(['apps/api/src/env.ts', 'apps/provisioner/src/env.ts'])(
  'the operations page lists every setting of %s',
  (file) => {
    const settings = [...read(file).matchAll(/\b([A-Z][A-Z_]{3,}): /g)].map(([, name]) => name ?? '');
    expect(settings.length).toBeGreaterThan(10);
    const page = read('docs/operations.md');
    expect(settings.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  },
);
