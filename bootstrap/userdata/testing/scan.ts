import { createSocket } from 'node:dgram';
import { isIPv6, Socket } from 'node:net';

/**
 * A port scanner, run as a program on the machines' network: `node scan.ts tcp|udp ADDRESS`. Prints JSON: for TCP the
 * ports that took a connection or refused one, for UDP those of which anything came back.
 */
const [kind, address = ''] = process.argv.slice(2);

const atOnce = 4000;
const waitMs = 1500;

/** What answers to a datagram of its own kind, and every port below 150 besides. */
const udpPorts = [
  ...Array.from({ length: 150 }, (_, index) => index + 1),
  161,
  162,
  177,
  389,
  443,
  464,
  500,
  514,
  517,
  518,
  520,
  546,
  547,
  623,
  631,
  853,
  1194,
  1434,
  1645,
  1701,
  1812,
  1900,
  2049,
  3478,
  3702,
  4500,
  5004,
  5060,
  5353,
  5355,
  5683,
  6081,
  8125,
  8472,
  10001,
  11211,
  17185,
  18789,
  20000,
  27015,
  30718,
  31337,
  33434,
  41641,
  47808,
  49152,
  51820,
  64738,
];

function tryTcp(port: number): Promise<'open' | 'refused' | 'silent'> {
  const { promise, resolve } = Promise.withResolvers<'open' | 'refused' | 'silent'>();
  const socket = new Socket();
  const end = (answer: 'open' | 'refused' | 'silent'): void => {
    socket.destroy();
    resolve(answer);
  };
  socket.once('connect', () => end('open'));
  socket.once('error', ({ code }: NodeJS.ErrnoException) =>
    end(code === 'ECONNREFUSED' ? 'refused' : 'silent'),
  );
  // On a busy computer the answer may be here and not yet looked at: one more look before giving up.
  setTimeout(() => setImmediate(() => setImmediate(() => end('silent'))), waitMs);
  socket.connect({ host: address, port });
  return promise;
}

async function tcp(): Promise<{ open: number[]; refused: number }> {
  const open: number[] = [];
  let refused = 0;
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= 65_535) {
      const port = next;
      next += 1;
      const answer = await tryTcp(port);
      if (answer === 'open') open.push(port);
      if (answer === 'refused') refused += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { open: open.sort((a, b) => a - b), refused };
}

/** `refused` by an ICMP message is an answer too: something at that address heard the datagram. */
function tryUdp(port: number): Promise<'answered' | 'refused' | 'silent'> {
  const { promise, resolve } = Promise.withResolvers<'answered' | 'refused' | 'silent'>();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let ended = false;
  const end = (answer: 'answered' | 'refused' | 'silent'): void => {
    if (ended) return;
    ended = true;
    socket.close();
    resolve(answer);
  };
  socket.on('message', () => end('answered'));
  socket.on('error', () => end('refused'));
  socket.connect(port, address, () => {
    socket.send('\0'.repeat(48), (error) => error && end('refused'));
    setTimeout(() => setImmediate(() => setImmediate(() => end('silent'))), waitMs);
  });
  return promise;
}

async function udp(): Promise<{ answered: number[]; refused: number; asked: number }> {
  const ports = [...new Set(udpPorts)];
  const answered: number[] = [];
  let refused = 0;
  // One after another within a few at once: a kernel sends only so many refusals a second.
  const queue = [...ports];
  const worker = async (): Promise<void> => {
    for (let port = queue.shift(); port !== undefined; port = queue.shift()) {
      const answer = await tryUdp(port);
      if (answer === 'answered') answered.push(port);
      if (answer === 'refused') refused += 1;
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  return { answered, refused, asked: ports.length };
}

process.stdout.write(JSON.stringify(await (kind === 'udp' ? udp() : tcp())));
