import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnv, repositoryRoot } from './env.mjs';
import { runOnTerminal } from './run-child.mjs';

const minimum = [24, 16];

/** Whether a version (`v24.21.0`) runs the product: TypeScript without a build, and Postgres in npm. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1]);
}

function candidates() {
  const modules = join(repositoryRoot, 'node_modules');
  const platform = `${process.platform}-${process.arch}`;
  return [
    join(modules, `node-${platform}`, 'bin', 'node'),
    join(modules, `node-bin-${platform}`, 'bin', 'node'),
    join(modules, 'node', 'bin', 'node'),
  ];
}

function runs(path) {
  if (!existsSync(path)) return false;
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return isNewEnough((stdout ?? '').trim());
}

/**
 * The path of a Node that runs the product: the one that came with the dependencies. Where its platform
 * package is not among them, the `node` package's own installer fetches it. Raises an error otherwise.
 */
export function node24() {
  const found = candidates().find(runs);
  if (found) return found;
  if (isNewEnough(process.version)) return process.execPath;
  const home = join(repositoryRoot, 'node_modules', 'node');
  const installer = join(home, 'installArchSpecificPackage.js');
  if (existsSync(installer)) {
    spawnSync(process.execPath, [installer], { cwd: home, stdio: 'inherit', timeout: 300_000 });
    const installed = candidates().find(runs);
    if (installed) return installed;
  }
  const { devDependencies } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  throw new Error(
    `This needs Node ${minimum.join('.')} or newer; here is ${process.version}, and npm brought no Node ` +
      `${devDependencies.node} for ${process.platform}-${process.arch}. Install Node 24 and start again.`,
  );
}

/**
 * Under an older Node, and once the dependencies are there, runs the script again under Node 24 and returns its exit code. Returns undefined
 * where this Node is new enough: go on.
 * @param {string} scriptUrl the script's `import.meta.url`
 * @param {readonly string[]} [argv]
 * @returns {Promise<number | undefined>}
 */
export async function reexecUnderNode24(scriptUrl, argv = process.argv.slice(2)) {
  if (isNewEnough(process.version)) return undefined;
  const env = childEnv({ CLAW_DEPENDENCIES: 'there' });
  return runOnTerminal(node24(), [fileURLToPath(scriptUrl), ...argv], { env });
}
