import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { closeCodes, ProductError } from '@claw-cloud/contracts';
import type { WebSocket } from 'ws';
import { SocketEnd, socketDuplex } from '../socket/duplex.ts';

/** After the browser has gone, what it sent last may take so long to reach the instance. */
const lingerMs = 5_000;

/**
 * Opens a POST through a tunnel and waits until the agent has taken it. Raises `instance_offline` when the tunnel
 * breaks or the agent is silent for `timeoutMs`, and what `refusal` makes of any status but 200.
 */
export function openStream(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  refusal: (status: number) => ProductError | undefined,
  timeoutMs = 10_000,
): Promise<ClientHttp2Stream> {
  return new Promise((resolve, reject) => {
    const offline = () =>
      new ProductError(
        'instance_offline',
        'The instance is not connected.',
        'Wait a moment: it dials again by itself.',
      );
    if (session.closed || session.destroyed) return reject(offline());
    const stream = session.request({ ':method': 'POST', ...headers }, { endStream: false });
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
    stream.once('response', ({ ':status': status = 0 }) =>
      settle(status === 200 ? undefined : (refusal(status) ?? offline())),
    );
  });
}

/** Opens `POST /owner` through a tunnel, as {@link openStream}; `instance_not_ready` when it answers anything but 200. */
export const openOwnerStream = (
  session: ClientHttp2Session,
  timeoutMs?: number,
): Promise<ClientHttp2Stream> =>
  openStream(
    session,
    { ':path': '/owner' },
    () =>
      new ProductError(
        'instance_not_ready',
        'The instance takes no owner now.',
        'Wait a few seconds, then try again.',
      ),
    timeoutMs,
  );

/**
 * Joins an owner's socket and an instance's stream, both ways, with back-pressure: plain Node streams, no copy, no
 * look inside. `count` hears the size of each message. Each direction ends by itself after all it carried; when the
 * stream breaks, the socket closes as offline. Resolves `ended` when nothing of either is left. Call it in the turn in
 * which the socket opens.
 */
export function splice(
  socket: WebSocket,
  stream: ClientHttp2Stream,
  count: { up(bytes: number): void; down(bytes: number): void },
): { end(reason: SocketEnd): void; ended: Promise<void> } {
  const broken = new SocketEnd(closeCodes.offline, 'instance_offline');
  const owner = socketDuplex(socket, { onMessage: count.up, broken });
  owner.on('error', () => undefined);
  const socketClosed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  const streamClosed = new Promise<void>((resolve) => {
    stream.once('close', () => resolve());
  });

  // Not pipeline(): it destroys both streams when one direction ends early, and with it what the other still carries.
  // An agent that has said all it wanted may well end its stream before it has heard all (RFC 9113, section 8.1).
  owner.pipe(stream, { end: false });
  owner.once('end', () => stream.end());
  stream.on('data', (chunk: Buffer) => count.down(chunk.length));
  stream.pipe(owner, { end: false });
  const { session } = stream;
  stream.once('end', () => {
    // A tunnel that breaks may end its streams as if all had been said.
    const whole =
      stream.rstCode === constants.NGHTTP2_NO_ERROR && session?.closed === false && !session.destroyed;
    if (whole) owner.end();
    else owner.destroy(broken);
  });

  void streamClosed.then(() => {
    if (!stream.readableEnded) owner.destroy(broken);
    // Nobody is left to hear the owner, whose socket must still be read to learn of its end.
    else owner.resume();
  });
  void socketClosed.then(() => {
    stream.unpipe(owner);
    stream.resume();
    if (stream.closed) return;
    stream.end();
    const linger = setTimeout(() => stream.destroy(), lingerMs);
    stream.once('close', () => clearTimeout(linger));
  });
  return {
    end: (reason) => void owner.destroy(reason),
    ended: Promise.all([socketClosed, streamClosed]).then(() => undefined),
  };
}
