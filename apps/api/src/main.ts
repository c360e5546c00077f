import { ConfigError, readConfig } from './env.ts';
import { createLog, describeError } from './log.ts';
import { startApi } from './server.ts';

const log = createLog((line) => process.stdout.write(line));

try {
  const config = readConfig();
  const api = await startApi(config, { log });
  let ending = false;
  const end = (signal: string) => {
    if (ending) return;
    ending = true;
    log.info('ending', { reason: signal });
    void api.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('did not end cleanly', describeError(error));
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.stdout.write(`${JSON.stringify({ ready: true, url: api.url })}\n`);
} catch (error) {
  // The operator reads this: a wrong setting is named, anything else shows where it came from.
  if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
  else
    process.stderr.write(
      `The api could not start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  process.exit(1);
}
