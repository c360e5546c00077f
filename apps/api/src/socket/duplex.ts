import { Duplex } from 'node:stream';
import { closeCodes } from '@claw-cloud/contracts';
import { WebSocket } from 'ws';

/** How much of one socket may wait in this process, in bytes and in each direction, besides one message. */
const waterMarkBytes = 256 * 1024;

/** An end of the socket with a code of its own, for {@link socketDuplex}'s destroy. */
export class SocketEnd extends Error {
  readonly closeCode: number;
  constructor(closeCode: number, reason: string) {
    super(reason);
    this.closeCode = closeCode;
  }
}

export interface SocketDuplexOptions {
  /** Hears the size of each message that arrives, in bytes. */
  readonly onMessage?: (bytes: number) => void;
  /** How the socket is closed when the stream breaks without saying why. @default 1011 */
  readonly broken?: SocketEnd;
}

/**
 * A WebSocket's binary messages as a duplex stream of bytes. A slow reader stops the socket, a slow socket the writer.
 * Ending it closes the socket normally; destroying it with a {@link SocketEnd} closes it with that code. A text message
 * ends it: both protocols are binary from here on. Make it in the same turn in which the socket opens, or what arrives
 * in between is lost.
 */
export function socketDuplex(socket: WebSocket, options: SocketDuplexOptions = {}): Duplex {
  const { onMessage, broken = new SocketEnd(closeCodes.internal, '') } = options;
  const duplex = new Duplex({
    readableHighWaterMark: waterMarkBytes,
    writableHighWaterMark: waterMarkBytes,
    read() {
      if (socket.isPaused) socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      socket.send(chunk, { binary: true, compress: false }, done);
    },
    final(done) {
      close(socket, closeCodes.normal, '');
      done();
    },
    destroy(error, done) {
      // A paused socket would not hear the other side's answer to the close.
      if (socket.isPaused) socket.resume();
      const end = error instanceof SocketEnd ? error : error ? broken : null;
      close(socket, end?.closeCode ?? closeCodes.normal, end?.message ?? '');
      done(null);
    },
  });
  socket.on('message', (data, isBinary) => {
    if (duplex.destroyed) return;
    if (!isBinary || !Buffer.isBuffer(data))
      return void duplex.destroy(new SocketEnd(1003, 'binary messages only'));
    onMessage?.(data.length);
    if (!duplex.push(data)) socket.pause();
  });
  // The library closes by itself after an error of its own (1009 for a message too long): nothing to add.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (duplex.destroyed) return;
    duplex.push(null);
    // Nothing written from now on can arrive.
    if (!duplex.writableEnded) duplex.end();
  });
  return duplex;
}

function close(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.OPEN) socket.close(code, reason.slice(0, 100));
}
