// scan-ports.mjs ADDRESS: prints every TCP port of ADDRESS that takes a connection, one a line.
import { connect } from 'node:net';

const [address] = process.argv.slice(2);
const last = 65_535;
const atOnce = 1500;
/** A closed port is dropped without an answer; an open one answers at once on this network. */
const limitMs = 1000;
let next = 1;

const isOpen = (port) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const settle = (open) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(open);
    };
    // On a busy computer the answer may be here and not yet looked at.
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => settle(false))), limitMs);
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });

async function worker() {
  while (next <= last) {
    const port = next++;
    if (await isOpen(port)) process.stdout.write(`${port}\n`);
  }
}
await Promise.all(Array.from({ length: atOnce }, worker));
