import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import type { AgentEnvironment } from '../env.ts';
import { createLog } from '../log.ts';
import type { Paths } from '../paths.ts';
import { serveRoot } from './daemon.ts';
import { verbs } from './verbs/index.ts';

/** Memory nobody uses is given back after this; the next request starts the daemon again. */
const idleMs = 5 * 60_000;

/** Whether the agent in use is no longer the file that runs here. */
function isReplaced(paths: Paths, self: string): boolean {
  try {
    return realpathSync(paths.agentCurrent) !== self;
  } catch {
    return false;
  }
}

/**
 * `claw-root.service`: serves root's verbs on the socket systemd hands over as descriptor 3, or at its path where
 * none is, until it is idle or told to end.
 */
export async function serveAsRoot(env: AgentEnvironment, paths: Paths, self: string): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const log = createLog({ file: null, echo: true });
  const server = await serveRoot({
    listen: env.socketHandedOver ? { fd: 3 } : { path: paths.rootSocket },
    paths,
    log,
    signal: stop.signal,
    verbs,
    idleMs,
    isOutdated: () => isReplaced(paths, self),
  });
  await once(server, 'close');
}
