import { readLocalConfig } from './env.ts';
import { startPlatform } from './platform.ts';
import { sandboxToken } from './sandbox-token.ts';

/** The platform on this computer with its state kept between runs, until the signal aborts. */
export async function runDev(signal: AbortSignal): Promise<void> {
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const platform = await startPlatform({ config: readLocalConfig('dev'), fresh: false, log: write, signal });
  write(`Claw Cloud is running at ${platform.url}. Its state and logs are in ${platform.home}.`);
  write('Create an account there. To deploy into the sandbox cloud, add a credential with this token:');
  write(`  ${await sandboxToken(platform, { signal })}`);
  write('Press Ctrl-C to stop every process it started.');
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  write('Stopping every process that was started.');
  await platform.stop();
}
