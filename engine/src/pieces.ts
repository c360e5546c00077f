import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const pluginNames = ['hcloud', 'digitalocean', 'aws', 'vultr'] as const;
export type PluginName = (typeof pluginNames)[number];

/** One thing the engine consists of; each is fetched, checked and cached by itself. */
export type Piece = {
  id: 'cli' | PluginName;
  title: string;
  version: string;
  /** Folder inside the engine's folder. */
  target: string;
  /** The program inside `target`. */
  executable: string;
  versionArgs: readonly string[];
  /** How it is built from Go, relative to the engine package; absent where its modules can't be had. */
  go?: GoBuild;
  /** Whether a stand-in may serve where the official plugin can't be had. */
  standIn: boolean;
  /** Where the official one comes from. */
  official: { url: string; server?: string };
  /** How long a cold build takes on two cores when both pieces are built side by side. */
  usualBuildMs: number;
  usualDownloadMs: number;
};

export type GoBuild = { module: string; package: string; ldflags: string };

export type EnginePins = { cli: Piece; plugins: Record<PluginName, Piece>; key: string };

const pulumiHost = { url: 'https://get.pulumi.com/install.sh' };

const sourceRoot = join(import.meta.dirname, '..');

function dependencyVersion(name: string): string {
  const version = dependencyVersions()[name];
  if (!version) throw new Error(`engine/package.json pins no version of ${name}`);
  return version;
}

/** Where the Go sources of a piece are in this repository. */
export function goSourceDir(go: GoBuild): string {
  return join(sourceRoot, go.module);
}

/** The versions of everything that the engine's own programs are bundled from. */
export function dependencyVersions(): Record<string, string> {
  const manifest: unknown = JSON.parse(readFileSync(join(sourceRoot, 'package.json'), 'utf8'));
  return (manifest as { dependencies?: Record<string, string> }).dependencies ?? {};
}

function goSources(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|\/)go\.(mod|sum)$|\.go$/.test(path))
    .sort();
}

/**
 * What the engine is pinned to. Versions are those of the npm packages, because Pulumi matches a plugin
 * by exact version. `key` changes with the platform and with any pin, Go source or checksum of what is built from Go
 * (the work of minutes), and names the cache folder. Stand-ins, which take a second, have sums of their own.
 */
export function enginePins(platform = `${process.platform}-${process.arch}`): EnginePins {
  const cliVersion = dependencyVersion('@pulumi/pulumi');
  const cli: Piece = {
    id: 'cli',
    title: 'the Pulumi CLI',
    version: cliVersion,
    target: 'root',
    executable: 'bin/pulumi',
    versionArgs: ['version'],
    go: {
      module: 'pulumi',
      package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
      ldflags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${cliVersion}`,
    },
    standIn: false,
    official: pulumiHost,
    usualBuildMs: 8 * 60_000,
    usualDownloadMs: 60_000,
  };
  const hcloudVersion = dependencyVersion('@pulumi/hcloud');
  const hcloud: Piece = {
    ...plugin('hcloud', hcloudVersion),
    go: {
      module: 'hcloud-plugin',
      package: './cmd/pulumi-resource-hcloud',
      ldflags: `-s -w -X main.version=${hcloudVersion}`,
    },
  };
  const digitalocean: Piece = {
    ...plugin('digitalocean', dependencyVersion('@pulumi/digitalocean')),
    standIn: true,
  };
  const aws: Piece = {
    ...plugin('aws', dependencyVersion('@pulumi/aws')),
    standIn: true,
    // Unpacked it is larger than everything else together.
    usualDownloadMs: 3 * 60_000,
  };
  const vultr: Piece = {
    ...plugin('vultr', dependencyVersion('@ediri/vultr')),
    standIn: true,
    official: { url: 'https://api.github.com/', server: 'github://api.github.com/dirien/pulumi-vultr' },
  };
  return { cli, plugins: { hcloud, digitalocean, aws, vultr }, key: inputsKey([cli, hcloud], platform) };
}

function plugin(id: PluginName, version: string): Piece {
  return {
    id,
    title: `the ${id} plugin`,
    version,
    target: `home/plugins/resource-${id}-v${version}`,
    executable: `pulumi-resource-${id}`,
    versionArgs: ['--version'],
    standIn: false,
    official: pulumiHost,
    usualBuildMs: 6 * 60_000,
    usualDownloadMs: 30_000,
  };
}

function inputsKey(pieces: readonly Piece[], platform: string): string {
  const hash = createHash('sha256').update(platform);
  for (const { id, version, target, executable, go } of pieces) {
    hash.update(JSON.stringify({ id, version, target, executable, go }));
    if (!go) continue;
    const dir = goSourceDir(go);
    for (const path of goSources(dir)) {
      const content = readFileSync(join(dir, path));
      hash.update(`\0${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
