import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One thing the engine consists of; each is fetched, checked and cached by itself. */
export type Piece = {
  id: 'cli' | 'hcloud';
  title: string;
  version: string;
  /** Folder inside the engine's folder. */
  target: string;
  /** The program inside `target`. */
  executable: string;
  versionArgs: readonly string[];
  /** How it is built from Go, relative to the engine package. */
  go: { module: string; package: string; ldflags: string };
  /** How long a cold build takes on two cores when both pieces are built side by side. */
  usualBuildMs: number;
  usualDownloadMs: number;
};

export type EnginePins = { cli: Piece; hcloud: Piece; key: string };

const sourceRoot = join(import.meta.dirname, '..');

function dependencyVersion(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(sourceRoot, 'package.json'), 'utf8'));
  const dependencies = (manifest as { dependencies?: Record<string, string> }).dependencies ?? {};
  const version = dependencies[name];
  if (!version) throw new Error(`engine/package.json pins no version of ${name}`);
  return version;
}

/** Where the Go sources of a piece are in this repository. */
export function goSourceDir(piece: Piece): string {
  return join(sourceRoot, piece.go.module);
}

function goSources(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|\/)go\.(mod|sum)$|\.go$/.test(path))
    .sort();
}

/**
 * What the engine is pinned to. Versions are those of the npm packages, because Pulumi matches a plugin
 * by exact version. `key` changes with any pin, Go source, checksum or platform, and names the cache folder.
 */
export function enginePins(platform = `${process.platform}-${process.arch}`): EnginePins {
  const cliVersion = dependencyVersion('@pulumi/pulumi');
  const hcloudVersion = dependencyVersion('@pulumi/hcloud');
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
    usualBuildMs: 8 * 60_000,
    usualDownloadMs: 60_000,
  };
  const hcloud: Piece = {
    id: 'hcloud',
    title: 'the hcloud plugin',
    version: hcloudVersion,
    target: `home/plugins/resource-hcloud-v${hcloudVersion}`,
    executable: 'pulumi-resource-hcloud',
    versionArgs: ['--version'],
    go: {
      module: 'hcloud-plugin',
      package: './cmd/pulumi-resource-hcloud',
      ldflags: `-s -w -X main.version=${hcloudVersion}`,
    },
    usualBuildMs: 6 * 60_000,
    usualDownloadMs: 30_000,
  };
  return { cli, hcloud, key: inputsKey([cli, hcloud], platform) };
}

function inputsKey(pieces: readonly Piece[], platform: string): string {
  const hash = createHash('sha256').update(platform);
  for (const piece of pieces) {
    const { id, version, target, executable, go } = piece;
    hash.update(JSON.stringify({ id, version, target, executable, go }));
    const dir = goSourceDir(piece);
    for (const path of goSources(dir)) {
      const content = readFileSync(join(dir, path));
      hash.update(`\0${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
