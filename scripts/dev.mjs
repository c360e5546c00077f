import { runLocalProgram } from './lib/run-local.mjs';

// npm run dev: the platform on this computer, keeping its state.
runLocalProgram(import.meta.url, 'dev');
