import { createLabMachines, openLab } from '@claw-cloud/bootstrap/lab';
import { readSandboxEnv, startSandbox } from '@claw-cloud/fake-clouds';
import { readMachineSandboxConfig } from './env.ts';

/**
 * The sandbox cloud as a process whose servers are really booted Debian machines (needs root). As the one whose
 * servers are processes, it prints one JSON line when it is ready, and more in it: `exposedUrl`, where machines
 * reach the port named SANDBOX_EXPOSE_PORT, and `npmRegistry`, theirs. SIGTERM, SIGINT and SIGHUP stop it with all
 * its machines; however it ends, none is left.
 */
const MAX_STOP_MS = 30_000;
const log = (line: string) => void process.stderr.write(`${line}\n`);
const settings = readSandboxEnv();
const { exposePort, serialDir } = readMachineSandboxConfig(settings.stateDir);

const ending = new AbortController();
let stop = async () => undefined as unknown;
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    ending.abort(new Error('stopped'));
    setTimeout(() => process.exit(1), MAX_STOP_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log(`the sandbox did not stop in order: ${String(error)}`);
        process.exit(1);
      },
    );
  });
}

const lab = await openLab({ log, artefacts: serialDir, signal: ending.signal });
stop = () => lab.close();
await lab.prepare();
const sandbox = await startSandbox({
  ...settings,
  log,
  machineRoom: {
    addressOf: (port) => lab.expose(port),
    open: async ({ files }) => createLabMachines({ lab, imageFiles: files, log }),
  },
});
stop = async () => {
  await sandbox.close();
  await lab.close();
};
const exposedUrl = exposePort === null ? null : await lab.expose(exposePort);

const { apiUrl, modelUrl, controlUrl } = sandbox;
const { npmRegistry } = lab.world;
process.stdout.write(
  `${JSON.stringify({ ready: true, apiUrl, modelUrl, controlUrl, exposedUrl, npmRegistry })}\n`,
);
