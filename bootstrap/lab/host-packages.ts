import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mustRun, runProgram } from './program.ts';

/** The address of one of the host's own package archives, and what it serves. */
export interface Archives {
  main: string;
  security: string;
}

function sourceLines(): string[] {
  const files = ['/etc/apt/sources.list'];
  const folder = '/etc/apt/sources.list.d';
  if (existsSync(folder)) for (const name of readdirSync(folder)) files.push(`${folder}/${name}`);
  return files.filter((file) => existsSync(file)).flatMap((file) => readFileSync(file, 'utf8').split('\n'));
}

/** Debian's archives as this computer's apt knows them; null when it has none. */
export function hostArchives(): Archives | null {
  const addresses = sourceLines()
    .filter((line) => /^\s*(URIs:|deb\s)/.test(line))
    .flatMap((line) => line.match(/https?:\/\/[^\s\]]+/g) ?? [])
    .map((address) => address.replace(/\/+$/, ''));
  const main = addresses.find((address) => /\/debian$/.test(address));
  if (!main) return null;
  const security = addresses.find((address) => /\/debian-security$/.test(address));
  return { main, security: security ?? `${new URL(main).origin}/debian-security` };
}

/** Installs what is missing of this computer's own packages by apt; says so. Raises with apt's words. */
export async function ensureHostPackages(
  programs: Record<string, string>,
  log: (line: string) => void,
): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(programs)) {
    const found = await runProgram(['sh', '-c', 'command -v "$1"', 'sh', program]);
    if (found.code !== 0) missing.push(name);
  }
  if (missing.length === 0) return;
  log(`installing on this computer: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['apt-get', '-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends'];
  const first = await runProgram([...install, ...missing], { timeoutMs: 600_000, env });
  if (first.code === 0) return;
  // A fresh computer has no package lists yet.
  await mustRun(['apt-get', 'update'], { timeoutMs: 300_000, env });
  await mustRun([...install, ...missing], { timeoutMs: 600_000, env });
}
