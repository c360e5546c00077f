import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A package as npm's registry serves it: the files below `package/`, by name; for tests. */
export async function packTarball(files: Record<string, string | Uint8Array>): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'claw-package-'));
  try {
    mkdirSync(join(folder, 'package'));
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, 'package', name), content);
    const archive = join(folder, 'package.tgz');
    const tar = spawn('tar', ['-C', folder, '-czf', archive, 'package'], { stdio: 'ignore' });
    const [code] = (await once(tar, 'close')) as [number | null];
    if (code !== 0) throw new Error(`tar ended with ${code}`);
    return readFileSync(archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
