#!/usr/bin/env node
// ssh's ProxyCommand to a server that has no open port: carries one SSH connection over a WebSocket.
//
//   ssh -o ProxyCommand='node support-ssh.mjs https://claw.example grt_… TOKEN' root@grt_…
//
// One file without dependencies, for Node 22 and later: a supporter needs nothing else of this repository.

const subprotocol = 'claw.support.v1';
const silenceLimitMs = 20_000;
/** More than this waiting for the network: stop reading from ssh. */
const highWaterBytes = 1024 * 1024;

const reasons = {
  4401: 'The token does not belong to this grant.',
  4403: 'This support access has ended, or was revoked.',
  4404: 'There is no such grant.',
  4503: 'The server is not connected at the moment.',
};

function fail(message) {
  process.stderr.write(`support-ssh: ${message}\n`);
  process.exit(1);
}

const [address, grantId, token, ...rest] = process.argv.slice(2);
if (
  !address ||
  !/^grt_[0-9a-z]{24}$/.test(grantId ?? '') ||
  !/^[A-Za-z0-9_-]{20,200}$/.test(token ?? '') ||
  rest.length
)
  fail('usage: support-ssh.mjs <address of the control plane> <grant> <token>');
if (!URL.canParse(address)) fail(`${address} is no address`);
const url = new URL(`/v1/support/${grantId}`, address);
url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';

const socket = new WebSocket(url, [subprotocol, `bearer.${token}`]);
socket.binaryType = 'arraybuffer';
const slow = setTimeout(() => fail('the control plane did not answer'), silenceLimitMs);

let opened = false;
let heard = false;
socket.addEventListener('open', () => {
  opened = true;
  clearTimeout(slow);
  process.stdin.on('data', (chunk) => {
    socket.send(chunk);
    if (socket.bufferedAmount <= highWaterBytes) return;
    process.stdin.pause();
    const check = setInterval(() => {
      if (socket.bufferedAmount > highWaterBytes) return;
      clearInterval(check);
      process.stdin.resume();
    }, 10);
  });
  process.stdin.on('end', () => socket.close(1000));
});
socket.addEventListener('message', ({ data }) => {
  heard = true;
  process.stdout.write(Buffer.from(data));
});
socket.addEventListener('close', ({ code, reason }) => {
  if (!opened) fail('the control plane did not take the connection');
  if (code >= 4000 || (code !== 1000 && !heard))
    fail(reasons[code] ?? `the connection was ended (${code} ${reason})`);
  // What was heard last is still on its way to ssh.
  process.stdout.write('', () => process.exit(0));
});
socket.addEventListener('error', () => undefined);
process.stdout.on('error', () => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(0));
