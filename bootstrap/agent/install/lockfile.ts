import { pinnedOpenClawVersion } from '../src/version.ts';
import manifest from './openclaw-2026.9.6/package.json' with { type: 'json' };
import lockfile from './openclaw-2026.9.6/package-lock.json' with { type: 'json' };

interface LockedPackage {
  version?: string;
  resolved?: string;
  name?: string;
  [field: string]: unknown;
}

/** The folder npm installs into: package.json and, for the pinned release, package-lock.json. */
export interface InstallPlan {
  packageJson: string;
  packageLock: string | null;
}

/**
 * What npm is given for a release: for the pinned one its whole tree by digest, else the release alone.
 * `registry` (no trailing slash) gives each package its address, which the committed lockfile leaves out:
 * with it npm asks for no package's list of versions, and every digest is checked all the same.
 */
export function installPlan(version: string, registry: string | null): InstallPlan {
  if (version !== pinnedOpenClawVersion || manifest.dependencies.openclaw !== version) {
    const packageJson = { name: 'openclaw-store', private: true, dependencies: { openclaw: version } };
    return { packageJson: JSON.stringify(packageJson), packageLock: null };
  }
  const packages: Record<string, LockedPackage> = {};
  for (const [path, locked] of Object.entries(lockfile.packages as Record<string, LockedPackage>)) {
    const name = locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const file = `${name.slice(name.lastIndexOf('/') + 1)}-${locked.version}.tgz`;
    // A bundled package comes inside another's archive, and has no address.
    const fetched = path !== '' && registry !== null && locked['inBundle'] !== true;
    packages[path] = fetched ? { ...locked, resolved: `${registry}/${name}/-/${file}` } : locked;
  }
  return { packageJson: JSON.stringify(manifest), packageLock: JSON.stringify({ ...lockfile, packages }) };
}

/** The digest npm wrote down for the OpenClaw it has just installed, or null. */
export function installedIntegrity(packageLock: string): string | null {
  const parsed = JSON.parse(packageLock) as { packages?: Record<string, { integrity?: unknown }> };
  const integrity = parsed.packages?.['node_modules/openclaw']?.integrity;
  return typeof integrity === 'string' ? integrity : null;
}
