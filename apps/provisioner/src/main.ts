import { readConfig } from './env.ts';
import { createLog, errorFields } from './log.ts';
import { startProvisioner } from './provisioner.ts';

const log = createLog();
try {
  const config = readConfig();
  const provisioner = await startProvisioner(config, { log });
  process.stdout.write(
    `${JSON.stringify({ ready: true, name: 'provisioner', node: config.nodeName, pid: process.pid })}\n`,
  );
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log('info', 'stopping', { signal });
    provisioner.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', 'did not stop in order', errorFields(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
} catch (error) {
  log('error', 'the provisioner could not start', errorFields(error));
  process.exit(1);
}
