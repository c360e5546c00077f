import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEmbedded } from '@claw-cloud/db/embedded';
import { type Platform, type PlatformOptions, readLocalConfig, startPlatform } from '@claw-cloud/local';

export interface TestPlatform extends Platform {
  /** What the launcher said. */
  lines: string[];
}

/** Where tests leave what a person may want to look at afterwards; made when absent. */
export function artefactDir(name: string): string {
  const dir = join(import.meta.dirname, '..', '..', 'test-artifacts', name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** The whole platform in a home of its own, which is removed when it stops. */
export async function startTestPlatform(
  options: Partial<Pick<PlatformOptions, 'extraEnv' | 'nodeArguments' | 'servers'>> = {},
): Promise<TestPlatform> {
  const home = mkdtempSync(join(tmpdir(), 'claw-platform-'));
  // Postgres runs under an account of its own, which must be able to walk here.
  chmodSync(home, 0o711);
  const lines: string[] = [];
  const platform = await startPlatform({
    config: { ...readLocalConfig('demo'), home, preferredPort: 0, modelKey: null },
    fresh: true,
    log: (line) => lines.push(line),
    ...options,
  });
  return {
    ...platform,
    lines,
    async stop() {
      await platform.stop();
      await removeEmbedded(join(home, 'control-plane', 'data'));
      rmSync(home, { recursive: true, force: true });
    },
  };
}
