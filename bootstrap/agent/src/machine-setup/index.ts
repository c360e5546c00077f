import { totalmem } from 'node:os';
import type { AgentEnvironment } from '../env.ts';
import { createLog } from '../log.ts';
import { createPaths } from '../paths.ts';
import { runProgram } from '../root/run-program.ts';
import { handOver } from './hand-over.ts';
import { setUpMachine } from './setup.ts';

const limitMs = 30 * 60_000;

/** The two steps of a first boot that bootstrap.sh leaves to the agent's bundle; gives back the exit code. */
export async function runMachineCommand(
  command: 'machine-setup' | 'hand-over',
  env: AgentEnvironment,
): Promise<number> {
  const log = createLog({ file: null, echo: true });
  const signal = AbortSignal.timeout(limitMs);
  const paths = createPaths(env.root, env.storeDir, { service: true });
  const run: Parameters<typeof setUpMachine>[0]['run'] = (argv, options = {}) =>
    runProgram(argv, { timeoutMs: 5 * 60_000, ...options }, signal);
  try {
    if (command === 'machine-setup') {
      const { code } = await run(['systemd-detect-virt', '--container', '--quiet']);
      const facts = { memoryMb: Math.round(totalmem() / 2 ** 20), container: code === 0 };
      await setUpMachine({ env, paths, facts, log, signal, run });
    } else {
      const id = async (flag: string): Promise<number> =>
        Number((await run(['id', flag, 'claw-agent'])).stdout);
      handOver(paths, { uid: await id('-u'), gid: await id('-g') });
    }
    return 0;
  } catch (error) {
    log(`${command} failed: ${error instanceof Error ? error.message : 'unknown reason'}`);
    return 1;
  }
}
