import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { registryFromEnvironment } from '../env.ts';
import { mustRun } from '../program.ts';
import type { Store } from './store.ts';

export interface MadeUpPackage {
  name: string;
  version: string;
  tarball: Buffer;
  /** Further fields of its manifest, as npm's registry would tell them. */
  manifest?: object;
}

/** What the registry has to say to a path: bytes, or nothing of the kind. */
export type RegistryAnswer =
  | { status: 200; type: string; body: Buffer }
  | { status: 200; type: string; file: string; size: number }
  | { status: 404 };

export interface Registry {
  publish(pkg: MadeUpPackage): void;
  answer(path: string, accept: string): Promise<RegistryAnswer>;
}

const short = 'application/vnd.npm.install-v1+json';

let known: Promise<string> | undefined;

/** The registry that npm uses on this computer, with a slash at its end. */
export function hostRegistry(): Promise<string> {
  known ??= (async () => {
    const address =
      registryFromEnvironment() ??
      (
        await mustRun(['npm', 'config', 'get', 'registry'], { cwd: '/', env: { HOME: userInfo().homedir } })
      ).trim();
    return address.endsWith('/') ? address : `${address}/`;
  })();
  return known;
}

interface Packument {
  name: string;
  'dist-tags': Record<string, string>;
  versions: Record<string, object>;
  [field: string]: unknown;
}

/** An npm registry at `address`: versions published here first, then this computer's own registry. */
export function createRegistry(address: string, store: Store): Registry {
  const published = new Map<string, Map<string, MadeUpPackage>>();
  const fileName = ({ name, version }: MadeUpPackage) => `${name.replace(/^.*\//, '')}-${version}.tgz`;

  function versionOf(pkg: MadeUpPackage): object {
    const { name, version, tarball, manifest } = pkg;
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const shasum = createHash('sha1').update(tarball).digest('hex');
    const dist = { tarball: `${address}${name}/-/${fileName(pkg)}`, integrity, shasum };
    return { ...manifest, name, version, dist };
  }

  async function packument(name: string, accept: string): Promise<RegistryAnswer> {
    const upstream = await hostRegistry();
    const own = published.get(name);
    const form = accept.includes(short) ? short : 'application/json';
    let document: Packument | undefined;
    try {
      const found = await store.get(`${upstream}${name.replace('/', '%2f')}`, {
        immutable: false,
        accept: form,
      });
      if (found.status === 200) {
        const text = readFileSync(found.file, 'utf8').replaceAll(upstream, address);
        if (!own) return { status: 200, type: form, body: Buffer.from(text) };
        document = JSON.parse(text) as Packument;
      }
    } catch (error) {
      if (!own) throw error;
    }
    if (!own) return { status: 404 };
    document ??= { name, 'dist-tags': {}, versions: {} };
    for (const pkg of own.values()) document.versions[pkg.version] = versionOf(pkg);
    document['dist-tags']['latest'] ??= [...own.keys()].at(-1)!;
    return { status: 200, type: form, body: Buffer.from(JSON.stringify(document)) };
  }

  return {
    publish(pkg) {
      const versions = published.get(pkg.name) ?? new Map<string, MadeUpPackage>();
      versions.set(pkg.version, pkg);
      published.set(pkg.name, versions);
    },
    async answer(path, accept) {
      const plain = decodeURIComponent(path.split('?')[0]!).replace(/^\/+/, '');
      const tarball = /^((?:@[^/]+\/)?[^/]+)\/-\/([^/]+\.tgz)$/.exec(plain);
      if (tarball) {
        const own = [...(published.get(tarball[1]!)?.values() ?? [])].find(
          (pkg) => fileName(pkg) === tarball[2],
        );
        if (own) return { status: 200, type: 'application/octet-stream', body: own.tarball };
        const found = await store.get(`${await hostRegistry()}${plain}`, { immutable: true });
        if (found.status !== 200) return { status: 404 };
        return { status: 200, type: 'application/octet-stream', file: found.file, size: found.size };
      }
      if (/^(@[^/]+\/)?[^/@][^/]*$/.test(plain)) return packument(plain, accept);
      // One version's manifest, as `npm view` asks for it.
      const single = /^((?:@[^/]+\/)?[^/]+)\/([^/]+)$/.exec(plain);
      if (!single) return { status: 404 };
      const whole = await packument(single[1]!, 'application/json');
      if (whole.status !== 200 || !('body' in whole)) return { status: 404 };
      const document = JSON.parse(whole.body.toString()) as Packument;
      const version = document.versions[document['dist-tags'][single[2]!] ?? single[2]!];
      if (!version) return { status: 404 };
      return { status: 200, type: 'application/json', body: Buffer.from(JSON.stringify(version)) };
    },
  };
}
