const { builtinModules } = require('node:module');

// The walls between the trust zones. `reachable` rules hold over any number of imports in between:
// a route that imports a verb that imports a key is caught like one that imports the key.

const anyOf = (names) => `^(node:)?(${names.join('|')})(/|$)`;
const everyBuiltin = anyOf(builtinModules.filter((name) => !name.startsWith('_') && !name.includes('/')));
const inputOutput = anyOf([
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'inspector',
  'net',
  'readline',
  'repl',
  'sqlite',
  'tls',
  'worker_threads',
]);
const keyEncryptionKeys = '^packages/crypto/src/kek/';

/** `from` must not reach `to`, at any distance. */
const wall = (name, comment, from, to, { toNot, fromNot } = {}) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, ...(fromNot && { pathNot: fromNot }) },
  to: { path: to, reachable: true, ...(toNot && { pathNot: toNot }) },
});

module.exports = {
  forbidden: [
    wall(
      'api-holds-no-keys',
      'The public process must be unable to open a credential.',
      '^apps/api/',
      keyEncryptionKeys,
    ),
    wall(
      'api-runs-no-engine',
      'Only the provisioner talks to clouds.',
      '^apps/api/',
      '(^|/)node_modules/@pulumi/|^@pulumi/|^engine/|^stacks/|^apps/provisioner/',
    ),
    wall('web-is-for-browsers', 'The dashboard runs without Node.', '^apps/web/src/', everyBuiltin),
    wall(
      'web-stays-in-its-zone',
      'The dashboard talks to the API and to its instance, to nothing else.',
      '^apps/web/src/',
      `${keyEncryptionKeys}|^packages/(db|queue|core|providers|fake-clouds)/|^apps/(api|provisioner|local)/|^stacks/|^engine/|^bootstrap/`,
    ),
    wall(
      'stacks-are-programs',
      'A stack knows neither credentials nor the database.',
      '^stacks/',
      `${keyEncryptionKeys}|^packages/(db|queue|core)/|^apps/`,
    ),
    wall(
      'contracts-and-crypto-do-no-io',
      'Schemas and cryptography run in every zone, browsers too.',
      '^packages/(contracts|crypto)/src/',
      inputOutput,
    ),
    wall(
      'contracts-and-crypto-know-nobody',
      'They are the bottom of the graph.',
      '^packages/(contracts|crypto)/src/',
      '^packages/(db|queue|auth|core|providers|fake-clouds|owner-client)/|^apps/|^stacks/|^engine/|^bootstrap/',
    ),
    wall(
      'providers-know-no-database',
      'They ask clouds.',
      '^packages/providers/',
      '^packages/(db|queue|core)/|^apps/',
    ),
    wall(
      'an-instance-carries-little',
      'What runs on a server imports contracts and crypto, and no key-encryption key.',
      '^bootstrap/',
      `${keyEncryptionKeys}|^(apps|packages|stacks|engine)/`,
      { toNot: '^packages/(contracts|crypto)/src/(?!kek/)' },
    ),
    wall(
      'fake-clouds-know-no-product',
      'A stand-in written from our own code would agree with our own mistakes.',
      '^packages/fake-clouds/',
      '^(apps|packages|stacks|engine|bootstrap)/',
      { toNot: '^packages/fake-clouds/' },
    ),
    wall(
      'the-engine-knows-no-product',
      'It could serve any Pulumi program.',
      '^engine/',
      '^(apps|packages|stacks|bootstrap)/',
    ),
    wall(
      'packages-know-no-apps',
      'Apps compose packages, never the other way.',
      '^(packages|bootstrap)/',
      '^apps/',
    ),
    {
      name: 'apps-do-not-import-each-other',
      comment: 'They are processes. The launcher alone starts the others.',
      severity: 'error',
      from: { path: '^apps/(api|provisioner|web)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'tests-stay-out-of-the-product',
      comment: 'Fakes and fixtures are for tests.',
      severity: 'error',
      from: { pathNot: '/(test|testing)/|\\.(fixture|lab)\\.ts$' },
      to: { path: '/(test|testing)/', pathNot: 'node_modules' },
    },
    {
      name: 'no-circular',
      comment: 'Types may refer to each other; code may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'every-import-resolves',
      comment: 'An import that leads nowhere would slip through every wall.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no JavaScript API; swc parses the sources as they are.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|\\.test\\.tsx?$|\\.d\\.ts$|\\.css$|^virtual:|\\?(url|raw|inline)$' },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
