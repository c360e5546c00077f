import { node24 } from './lib/node24.mjs';
import { runMain, runOnTerminal } from './lib/run-child.mjs';

// Runs a script under the Node that came with the dependencies: `node scripts/with-node.mjs <script> [args]`.
runMain(() => runOnTerminal(node24(), process.argv.slice(2)));
