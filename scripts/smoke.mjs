import { runLocalProgram } from './lib/run-local.mjs';

// npm run smoke -- --cloud <cloud>: one life of a server in a real account, cleaned up however it ends.
runLocalProgram(import.meta.url, 'smoke');
