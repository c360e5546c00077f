// Proposes newer versions of what a server fetches: prints what would change in bootstrap/sources.json, and with
// --write changes it, OpenClaw's lockfile with it. Versions and digests come from the npm registry in npm's settings.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './lib/env.mjs';

const manifestFile = join(repositoryRoot, 'bootstrap/sources.json');
const npm = (...args) =>
  execFileSync('npm', args, { encoding: 'utf8', timeout: 120_000, cwd: repositoryRoot });

/** Every published version that `spec` allows, oldest first, with its digest. */
function published(spec) {
  const found = JSON.parse(npm('view', spec, 'version', 'dist.integrity', '--json'));
  return [found].flat().map(({ version, 'dist.integrity': integrity }) => ({ version, integrity }));
}
const parts = (version) => version.split(/[.-]/).map(Number);
function newest(spec) {
  const released = published(spec).filter(({ version }) => /^\d+\.\d+\.\d+$/.test(version));
  const best = released.sort((a, b) => {
    const [left, right] = [parts(a.version), parts(b.version)];
    const at = left.findIndex((part, index) => part !== right[index]);
    return at < 0 ? 0 : left[at] - right[at];
  });
  if (!best.length) throw new Error(`The registry has no release of ${spec}.`);
  return best.at(-1);
}

const current = JSON.parse(readFileSync(manifestFile, 'utf8'));
const node = newest(`${current.node.packages.x64.name}@24`);
const openclaw = newest('openclaw@latest');
const proposed = {
  node: {
    version: node.version,
    packages: Object.fromEntries(
      Object.entries(current.node.packages).map(([kind, { name }]) => {
        return [kind, { name, integrity: newest(`${name}@${node.version}`).integrity }];
      }),
    ),
  },
  npm: newest(`npm@${parts(current.npm.version)[0]}`),
  openclaw: { ...openclaw, lockfile: `agent/install/openclaw-${openclaw.version}/package-lock.json` },
};

const changes = ['node', 'npm', 'openclaw'].filter((name) => {
  return JSON.stringify(current[name]) !== JSON.stringify(proposed[name]);
});
for (const name of changes) {
  console.log(`${name}: ${current[name].version} -> ${proposed[name].version}`);
}
if (!changes.length) console.log('Everything is at its newest release.');
else if (process.argv.includes('--write')) write();
else console.log('Nothing was changed; --write changes bootstrap/sources.json.');

function write() {
  writeFileSync(manifestFile, `${JSON.stringify(proposed, null, 2)}\n`);
  if (!changes.includes('openclaw')) return;
  const folder = join(repositoryRoot, 'bootstrap', proposed.openclaw.lockfile, '..');
  mkdirSync(folder, { recursive: true });
  const dependencies = { openclaw: proposed.openclaw.version };
  const packageJson = { name: 'openclaw-store', private: true, dependencies };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageJson, null, 2)}\n`);
  execFileSync(
    'npm',
    ['install', '--package-lock-only', '--ignore-scripts', '--omit-lockfile-registry-resolved', '--no-audit'],
    { cwd: folder, stdio: 'inherit', timeout: 300_000 },
  );
  rmSync(join(repositoryRoot, 'bootstrap', current.openclaw.lockfile, '..'), {
    recursive: true,
    force: true,
  });
  console.log(
    `Now name ${proposed.openclaw.version} in bootstrap/agent/src/version.ts and bootstrap/agent/install/lockfile.ts, ` +
      'and pin the same Node and npm in package.json; then run the tests.',
  );
}
