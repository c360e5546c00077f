// generate.ts [--check]: writes what the stand-ins know of the official SDKs, or says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ResourceShape, SdkShape } from '../protocol/properties.ts';
import { type Interface, readDeclarations, shapeOf } from './declarations.ts';

type Wanted = { package: string; resources: readonly string[]; functions?: readonly string[] };

const wanted: Record<string, Wanted> = {
  digitalocean: { package: '@pulumi/digitalocean', resources: ['droplet', 'firewall', 'tag'] },
  vultr: { package: '@ediri/vultr', resources: ['instance', 'firewallGroup', 'firewallRule'] },
  hcloud: { package: '@pulumi/hcloud', resources: ['server', 'firewall'] },
  aws: {
    package: '@pulumi/aws',
    resources: [
      'ec2/instance',
      'ec2/tag',
      'ec2/securityGroup',
      'ec2/vpc',
      'ec2/subnet',
      'ec2/internetGateway',
      'ec2/routeTable',
      'ec2/routeTableAssociation',
    ],
    functions: [
      'ec2/getVpcs',
      'ec2/getSubnets',
      'ec2/getSecurityGroups',
      'ec2/getRouteTables',
      'ec2/getInternetGateway',
      'ec2/getInstanceTypeOfferings',
    ],
  },
};

const require = createRequire(import.meta.url);

function readSdk({ package: name, resources, functions = [] }: Wanted): SdkShape {
  const root = dirname(require.resolve(`${name}/package.json`));
  const { version: written } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  // As the SDK itself tells it to the engine.
  const version = written.replace(/^v/, '');
  const declarations = (path: string) => readDeclarations(readFileSync(join(root, `${path}.d.ts`), 'utf8'));
  const nested = { inputs: declarations('types/input'), outputs: declarations('types/output') };
  const known = new Map<string, Interface | undefined>();
  const find = (path: string) => {
    if (known.has(path)) return known.get(path);
    const [half, ...rest] = path.split('.');
    const found =
      half === 'inputs' || half === 'outputs' ? nested[half].interfaceAt(rest.join('.')) : undefined;
    known.set(path, found);
    return found;
  };
  const shape = (path: string, suffix: string) => {
    const title = path.split('/').at(-1) ?? '';
    const wantedName = title.charAt(0).toUpperCase() + title.slice(1) + suffix;
    const members = declarations(path).interfaceAt(wantedName);
    if (!members) throw new Error(`${name}/${path} declares no ${wantedName}`);
    return shapeOf(members, find);
  };
  const token = (path: string, pattern: RegExp) => {
    const found = pattern.exec(readFileSync(join(root, `${path}.js`), 'utf8'))?.[1];
    if (!found) throw new Error(`${name}/${path} names no type`);
    return found;
  };
  return {
    package: name,
    version,
    provider: shape('provider', 'Args'),
    resources: Object.fromEntries(
      resources.map((path): [string, ResourceShape] => [
        token(path, /__pulumiType = '([^']+)'/),
        { inputs: shape(path, 'Args'), state: shape(path, 'State') },
      ]),
    ),
    functions: Object.fromEntries(
      functions.map((path) => [
        token(path, /\.invoke\("([^"]+)"/),
        { inputs: shape(path, 'Args'), result: shape(path, 'Result') },
      ]),
    ),
  };
}

const check = process.argv.includes('--check');
let properties = 0;
for (const [folder, sdk] of Object.entries(wanted)) {
  const path = join(import.meta.dirname, '..', folder, 'properties.json');
  const shape = readSdk(sdk);
  const text = `${JSON.stringify(shape, null, 2)}\n`;
  properties += Object.values(shape.resources).flatMap(({ inputs }) => Object.keys(inputs)).length;
  if (!check) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(
      `${path} differs from ${sdk.package} ${shape.version}. Run: node engine/stand-ins/sdk/generate.ts`,
    );
    process.exitCode = 1;
  }
}
console.log(`${properties} properties of ${Object.keys(wanted).length} SDKs`);
