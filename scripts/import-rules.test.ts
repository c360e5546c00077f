import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
let tree: string | undefined;
afterEach(() => {
  if (tree) rmSync(tree, { recursive: true, force: true });
});

const workspaces = {
  'apps/api': 'api',
  'packages/contracts': 'contracts',
  'packages/core': 'core',
  'packages/crypto': 'crypto',
  'packages/db': 'db',
};

/** Runs the import rules over a small tree of the same shape, and returns `rule: from` for each refusal. */
function refusals(files: Record<string, string>): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'claw-import-rules-'));
  tree = dir;
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  const exports = { '.': './src/index.ts', './kek': './src/kek/index.ts' };
  mkdirSync(join(dir, 'node_modules', '@claw-cloud'), { recursive: true });
  for (const [folder, name] of Object.entries(workspaces)) {
    write(`${folder}/package.json`, JSON.stringify({ name: `@claw-cloud/${name}`, type: 'module', exports }));
    write(`${folder}/src/index.ts`, 'export const nothing = 1;');
    symlinkSync(join(dir, folder), join(dir, 'node_modules', '@claw-cloud', name));
  }
  write('packages/crypto/src/kek/index.ts', 'export const key = 1;');
  for (const [path, text] of Object.entries(files)) write(path, text);

  const command = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const config = join(root, '.dependency-cruiser.cjs');
  const folders = [
    'apps',
    'packages',
    ...['stacks', 'bootstrap', 'engine'].filter((name) => hasFile(files, name)),
  ];
  const args = [command, '--config', config, '--output-type', 'json', ...folders];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: dir,
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (!stdout) throw new Error(stderr);
  const result = JSON.parse(stdout) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  return result.summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).sort();
}

function hasFile(files: Record<string, string>, folder: string): boolean {
  return Object.keys(files).some((path) => path.startsWith(`${folder}/`));
}

test('a tree that keeps to its zones passes', () => {
  const found = refusals({
    'apps/api/src/index.ts': "import '@claw-cloud/core'; import 'node:http';",
    'packages/core/src/index.ts':
      "import '@claw-cloud/db'; import type { nothing } from '@claw-cloud/contracts';",
    'apps/provisioner/src/index.ts': "import '@claw-cloud/crypto/kek';",
    'bootstrap/agent/index.ts': "import '@claw-cloud/crypto'; import 'node:fs';",
  });
  expect(found).toEqual([]);
});

test('a key behind two packages is refused to the public process', () => {
  const found = refusals({
    'apps/api/src/routes/deploy.ts': "import '@claw-cloud/core';",
    'packages/core/src/index.ts': "export * from './verbs/deploy.ts';",
    'packages/core/src/verbs/deploy.ts':
      "import { key } from '@claw-cloud/crypto/kek'; export const use = key;",
  });
  expect(found).toEqual(['api-holds-no-keys: apps/api/src/routes/deploy.ts']);
});

test('an import expression, a re-export and a type count as imports', () => {
  const found = refusals({
    'apps/api/src/a.ts': "export const load = () => import('@claw-cloud/crypto/kek');",
    'apps/api/src/b.ts': "export { key } from '@claw-cloud/crypto/kek';",
    'apps/api/src/c.ts': "import type { key } from '@claw-cloud/crypto/kek'; export type K = typeof key;",
  });
  expect(found).toEqual(['a', 'b', 'c'].map((name) => `api-holds-no-keys: apps/api/src/${name}.ts`));
});

const plants: [rule: string, files: Record<string, string>][] = [
  ['api-runs-no-engine', { 'apps/api/src/a.ts': "import '../../../engine/a.ts';", 'engine/a.ts': '' }],
  [
    'web-is-for-browsers',
    { 'apps/web/src/a.tsx': "import './b.ts';", 'apps/web/src/b.ts': "import 'node:os';" },
  ],
  ['web-stays-in-its-zone', { 'apps/web/src/a.tsx': "import '@claw-cloud/db';" }],
  ['stacks-are-programs', { 'stacks/a.ts': "import '@claw-cloud/db';" }],
  ['contracts-and-crypto-do-no-io', { 'packages/crypto/src/a.ts': "import 'node:fs/promises';" }],
  ['contracts-and-crypto-know-nobody', { 'packages/contracts/src/a.ts': "import '@claw-cloud/db';" }],
  ['providers-know-no-database', { 'packages/providers/a.ts': "import '@claw-cloud/db';" }],
  ['an-instance-carries-little', { 'bootstrap/agent/a.ts': "import '@claw-cloud/crypto/kek';" }],
  ['an-instance-carries-little', { 'bootstrap/agent/a.ts': "import '@claw-cloud/core';" }],
  ['fake-clouds-know-no-product', { 'packages/fake-clouds/src/a.ts': "import '@claw-cloud/contracts';" }],
  ['the-engine-knows-no-product', { 'engine/a.ts': "import '@claw-cloud/contracts';" }],
  ['packages-know-no-apps', { 'packages/queue/src/a.ts': "import '@claw-cloud/api';" }],
  ['apps-do-not-import-each-other', { 'apps/provisioner/src/a.ts': "import '@claw-cloud/api';" }],
  [
    'tests-stay-out-of-the-product',
    { 'packages/db/src/a.ts': "import './testing/b.ts';", 'packages/db/src/testing/b.ts': '' },
  ],
  ['no-circular', { 'packages/db/src/a.ts': "import './b.ts';", 'packages/db/src/b.ts': "import './a.ts';" }],
  ['every-import-resolves', { 'packages/db/src/a.ts': "import './gone.ts';" }],
];

test.each(plants)('%s refuses what is planted against it', (rule, files) => {
  const first = Object.keys(files)[0];
  expect(refusals(files)).toContain(`${rule}: ${first}`);
});
