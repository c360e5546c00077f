import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { clouds } from '../clouds.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sources = globSync(
  '{apps,packages,stacks,bootstrap,scripts,tests,bench,supabase}/**/*.{ts,tsx,mjs,cjs,js,json,sql,sh,html,css,yaml,yml}',
  {
    cwd: root,
    exclude: (path) =>
      /(^|\/)(node_modules|dist|test-artifacts|\.claw|\.turbo)(\/|$)|package-lock\.json$/.test(String(path)),
  },
);
const folders = globSync('stacks/*/program.ts', { cwd: root }).map((path) => basename(dirname(path)));

/** Where a cloud's own files are: a folder or a file that begins with its name. */
const ownPlaces = /^(packages\/providers|packages\/fake-clouds\/src|stacks|tests\/clouds)\//;
const isOwn = (path: string) =>
  ownPlaces.test(path) && path.split('/').some((part) => folders.some((name) => part.startsWith(name)));

/** Who else may name a cloud, and why. */
const allowed: Readonly<Record<string, string>> = {
  'packages/providers/clouds.ts': 'the registry',
  'packages/providers/package.json': 'names the SDKs that clouds need',
  'packages/fake-clouds/package.json': 'names the SDKs that stand-ins need',
  'stacks/package.json': 'names the Pulumi SDKs',
  // The sandbox is one of the stand-ins with machines behind it.
  'packages/fake-clouds/src/index.ts': 'the sandbox',
  'packages/fake-clouds/src/sandbox.ts': 'the sandbox',
  'packages/fake-clouds/src/control/control.ts': 'the sandbox',
  'packages/fake-clouds/src/control/history.ts': 'the sandbox',
  'packages/fake-clouds/src/test-client.ts': 'tests of the sandbox',
  'packages/providers/test/in-process-cloud.ts': 'tests of the sandbox',
  'bootstrap/lab/world/metadata.ts': 'the lab answers where a cloud’s machine asks for its user-data',
  // Tests that need some cloud as an example.
  'apps/api/src/env.test.ts': 'an example',
  'apps/local/src/smoke/smoke.test.ts': 'an example',
  'apps/provisioner/src/rotate/rotate.test.ts': 'an example',
  'apps/provisioner/test/rig.ts': 'an example',
  'apps/provisioner/test/failures.test.ts': 'an example',
  'bootstrap/lab/lab.machine.test.ts': 'an example',
  'bootstrap/userdata/src/hardening.machine.test.ts': 'an example',
  'packages/core/src/clouds.test.ts': 'an example',
  'packages/core/src/credentials.test.ts': 'an example',
  'packages/core/src/redact.test.ts': 'an example',
  'packages/crypto/src/sealed/sealed.test.ts': 'an example',
  'packages/crypto/test/vectors/envelope.json': 'an example',
  'packages/crypto/test/vectors/sealed.json': 'an example',
  'packages/owner-client/src/flows.test.ts': 'an example',
  'tests/clouds/fidelity.test.ts': 'compares the plugins that one cloud has two of',
  'tests/clouds/many.test.ts': 'an example',
  'tests/smoke.test.ts': 'an example',
};

/** Comments may speak of clouds: what they say has no effect. */
function withoutComments(path: string, text: string): string {
  if (/\.(sh|yaml|yml)$/.test(path)) return text.replace(/(^|\s)#.*$/gm, '');
  if (path.endsWith('.sql')) return text.replace(/--.*$/gm, '');
  if (path.endsWith('.json')) return text;
  // `//` of an address stands behind a colon.
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}

/** A name in any case anywhere; a short one only as a word of its own, also in the middle of a longer identifier. */
function patternOf(name: string): string {
  if (name.length > 4) return name;
  return `(?<![a-z])${name}(?![a-z])`;
}
const long = new RegExp(
  folders
    .filter((name) => name.length > 4)
    .map(patternOf)
    .join('|') || '(?!)',
  'i',
);
const short = new RegExp(
  folders
    .filter((name) => name.length <= 4)
    .flatMap((name) => [name, `${name[0]?.toUpperCase()}${name.slice(1)}`, name.toUpperCase()])
    .map(patternOf)
    .join('|') || '(?!)',
);

const naming = sources
  .filter((path) => !isOwn(path))
  .filter((path) => {
    const text = withoutComments(path, readFileSync(`${root}/${path}`, 'utf8'));
    return long.test(text) || short.test(text);
  })
  .sort();

test('the scan reads the tree', () => {
  expect(sources.length).toBeGreaterThan(500);
  expect(sources.filter(isOwn).length).toBeGreaterThan(20);
});

test('every cloud with a program has its line in the registry', () => {
  expect([...new Set(clouds.map(({ folder }) => folder))].sort()).toEqual(folders.sort());
});

test('nothing but a cloud’s own folders and the registry knows its name', () => {
  const self = 'packages/providers/test/names-of-clouds.test.ts';
  expect(naming.filter((path) => path !== self && allowed[path] === undefined)).toEqual([]);
});

test('the list of exceptions names nobody who needs none', () => {
  const there = Object.keys(allowed).filter((path) => sources.includes(path));
  expect(there.filter((path) => !naming.includes(path))).toEqual([]);
});

test.each([
  ["const url = 'https://api.hetzner.cloud';", true],
  ['createHetznerCloud()', true],
  ['HETZNER_TOKEN', true],
  ['// as at Hetzner', false],
  ['/** Hetzner’s word for it. */', false],
])('%s is a name: %s', (text, expected) => {
  expect(long.test(withoutComments('a.ts', text))).toBe(expected);
});
