import { chownSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBootstrapJson, wipeBootstrapJson } from '../bootstrap/bootstrap-json.ts';
import type { Paths } from '../paths.ts';
import { writePrivate } from '../private-file.ts';

/**
 * Gives the agent what the machine was born with, for its registration, and takes the secrets out of root's copy.
 * Interrupted in between it does the rest the next time; done already, it does nothing.
 */
export function handOver(
  paths: Pick<Paths, 'bootstrapJson' | 'rootBootstrapJson'>,
  agent: { uid: number; gid: number },
): void {
  const config = readBootstrapJson(paths.rootBootstrapJson);
  if (config === null) return;
  mkdirSync(dirname(paths.bootstrapJson), { recursive: true, mode: 0o700 });
  chownSync(dirname(paths.bootstrapJson), agent.uid, agent.gid);
  writePrivate(paths.bootstrapJson, `${JSON.stringify(config, null, 1)}\n`);
  chownSync(paths.bootstrapJson, agent.uid, agent.gid);
  wipeBootstrapJson(paths.rootBootstrapJson);
}
