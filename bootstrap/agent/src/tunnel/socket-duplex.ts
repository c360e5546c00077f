import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { messageBytes } from '../message-bytes.ts';

export interface SocketDuplex {
  /** Binary messages, both ways. */
  duplex: Duplex;
  /** The next text message; rejects when the socket ends first. One reader at a time. */
  nextText(): Promise<string>;
}

/**
 * A WebSocket as a duplex stream for HTTP/2, with its text messages apart. Make it before the socket opens:
 * what comes right after the handshake would be lost otherwise. Reading stops while the reader is slow.
 */
export function createSocketDuplex(socket: WebSocket): SocketDuplex {
  const texts: string[] = [];
  let waiting: { resolve(text: string): void; reject(error: Error): void } | null = null;

  const duplex = new Duplex({
    autoDestroy: true,
    // HTTP/2 writes frame by frame: this is how much may wait for the network.
    writableHighWaterMark: 256 * 1024,
    readableHighWaterMark: 256 * 1024,
    read() {
      if (socket.isPaused) socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      socket.send(chunk, { binary: true, compress: false }, done);
    },
    final(done) {
      socket.close(1000);
      done();
    },
    destroy(error, done) {
      socket.terminate();
      done(error);
    },
  });
  duplex.on('error', () => undefined);

  socket.on('message', (data, isBinary) => {
    const bytes = messageBytes(data);
    if (isBinary) {
      if (!duplex.push(bytes)) socket.pause();
    } else if (waiting) {
      waiting.resolve(bytes.toString('utf8'));
      waiting = null;
    } else if (texts.length < 4) texts.push(bytes.toString('utf8'));
  });
  const onEnd = (error: Error) => {
    waiting?.reject(error);
    waiting = null;
    if (!duplex.destroyed) {
      duplex.push(null);
      duplex.destroy();
    }
  };
  socket.on('error', onEnd);
  socket.on('close', (code, reason) =>
    onEnd(new Error(`the tunnel was closed (${code} ${reason.toString().slice(0, 120)})`)),
  );

  return {
    duplex,
    nextText() {
      const text = texts.shift();
      if (text !== undefined) return Promise.resolve(text);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      waiting = { resolve, reject };
      return promise;
    },
  };
}
