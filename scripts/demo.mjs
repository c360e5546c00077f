import { runLocalProgram } from './lib/run-local.mjs';

// npm run demo: the main job on this computer, from nothing to a chat. `--once`, `--json`.
runLocalProgram(import.meta.url, 'demo');
