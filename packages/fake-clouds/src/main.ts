import { readEnv } from './env.ts';
import { startSandbox } from './sandbox.ts';

/**
 * The sandbox cloud as a process. Prints one JSON line when it is ready; further lines go to stderr. SIGTERM, SIGINT
 * and SIGHUP stop it with all its machines, within 15 seconds.
 */
const sandbox = await startSandbox({ ...readEnv(), log: (line) => process.stderr.write(`${line}\n`) });

const MAX_STOP_MS = 15_000;
let stopping = false;

async function stop() {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), MAX_STOP_MS).unref();
  try {
    await sandbox.close();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`the sandbox did not stop in order: ${String(error)}\n`);
    process.exit(1);
  }
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop());

const { apiUrl, modelUrl, controlUrl } = sandbox;
process.stdout.write(`${JSON.stringify({ ready: true, apiUrl, modelUrl, controlUrl })}\n`);
