import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { pipeline } from 'node:stream';
import { closeCodes, ProductError } from '@claw-cloud/contracts';
import type { WebSocket } from 'ws';
import { SocketEnd, socketDuplex } from '../socket/duplex.ts';

/** After the browser has gone, what it sent last may take so long to reach the instance. */
const lingerMs = 5_000;

/**
 * Opens `POST /owner` through a tunnel and waits until the agent has taken it. Raises `instance_offline` when the
 * tunnel breaks or the agent is silent for `timeoutMs`, `instance_not_ready` when it answers anything but 200.
 */
export function openOwnerStream(session: ClientHttp2Session, timeoutMs = 10_000): Promise<ClientHttp2Stream> {
  return new Promise((resolve, reject) => {
    const offline = () =>
      new ProductError('instance_offline', 'The instance is not connected.', 'Wait a moment: it dials again by itself.');
    if (session.closed || session.destroyed) return reject(offline());
    const stream = session.request({ ':method': 'POST', ':path': '/owner' }, { endStream: false });
    const settle = (error?: ProductError) => {
      clearTimeout(timer);
      stream.off('close', onClose);
      if (!error) return resolve(stream);
      stream.close();
      reject(error);
    };
    const onClose = () => settle(offline());
    const timer = setTimeout(() => settle(offline()), timeoutMs);
    // Stays for the stream's whole life: an error without a listener would end the process.
    stream.on('error', () => undefined);
    stream.once('close', onClose);
    stream.once('response', (headers) =>
      settle(
        headers[':status'] === 200
          ? undefined
          : new ProductError('instance_not_ready', 'The instance takes no owner now.', 'Wait a few seconds, then try again.'),
      ),
    );
  });
}

/**
 * Joins an owner's socket and an instance's stream, both ways, with back-pressure: plain Node streams, no copy, no
 * look inside. Ends when either side does; `count` hears the size of each message. Resolves when nothing of it is
 * left. Call it in the turn in which the socket opens.
 */
export function splice(
  socket: WebSocket,
  stream: ClientHttp2Stream,
  count: { up(bytes: number): void; down(bytes: number): void },
): { end(reason: SocketEnd): void; ended: Promise<void> } {
  const owner = socketDuplex(socket, {
    onMessage: count.up,
    broken: new SocketEnd(closeCodes.offline, 'instance_offline'),
  });
  stream.on('data', (chunk: Buffer) => count.down(chunk.length));
  const down = new Promise<void>((resolve) => {
    pipeline(stream, owner, () => resolve());
  });
  const up = new Promise<void>((resolve) => {
    pipeline(owner, stream, () => resolve());
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  void closed.then(() => {
    const linger = setTimeout(() => stream.destroy(), lingerMs);
    stream.once('close', () => clearTimeout(linger));
  });
  return {
    end: (reason) => void owner.destroy(reason),
    ended: Promise.all([up, down, closed]).then(() => undefined),
  };
}
