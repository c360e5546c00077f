import { runMain, untilInterrupted } from './lib/run-child.mjs';
import { start } from './lib/start.mjs';

// npm run setup: everything the product and its tests need, fetched or built once. `--json`: JSON lines.
runMain(async () => {
  const json = process.argv.includes('--json');
  const code = await start(import.meta.url, { json });
  if (code !== undefined) return code;
  const { setUp } = await import('./lib/setup.mjs');
  await untilInterrupted((signal) => setUp({ signal, json }));
});
