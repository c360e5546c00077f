import { connect, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { FaultBoard } from './faults.ts';

/**
 * Leads the connections of a listening socket to a port of this computer's loopback. The fault `host` cuts or freezes
 * living connections too, as a broken line does; `mend` lets frozen ones go on. Returns what ends it.
 */
export function forward(listening: Server, port: number, faults: FaultBoard): () => void {
  const pairs = new Set<[Socket, Socket]>();
  const cut = (pair: [Socket, Socket]) => {
    for (const socket of pair) socket.destroy();
  };

  function hold() {
    const fault = faults.see('host');
    for (const pair of pairs) {
      if (fault === 'refuse') {
        pair[0].resetAndDestroy();
        pair[1].destroy();
      }
      for (const socket of pair) {
        if (fault === 'hang') socket.pause();
        else if (!socket.destroyed) socket.resume();
      }
    }
  }
  faults.onChange(hold);

  listening.on('connection', (from: Socket) => {
    const fault = faults.take('host');
    from.on('error', () => undefined);
    if (fault === 'refuse') return void from.resetAndDestroy();
    if (fault === '500') {
      from.once('data', () =>
        from.end('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
      );
      return;
    }
    const to = connect(port, '127.0.0.1');
    from.setNoDelay(true);
    to.setNoDelay(true);
    const pair: [Socket, Socket] = [from, to];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => cut(pair));
      socket.on('close', () => {
        pairs.delete(pair);
        cut(pair);
      });
    }
    from.pipe(to);
    if (fault === 'half' || fault === 'wrong-bytes') to.pipe(spoil(fault, () => cut(pair))).pipe(from);
    else to.pipe(from);
    if (faults.see('host') === 'hang' || fault === 'hang') hold();
  });
  return () => {
    listening.close();
    for (const pair of pairs) cut(pair);
  };
}

/** An answer cut in its first piece's middle, or with a bit of each piece turned. */
function spoil(fault: 'half' | 'wrong-bytes', cut: () => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const middle = Math.floor(chunk.length / 2);
      if (fault === 'half') {
        this.push(chunk.subarray(0, middle));
        setImmediate(cut);
      } else {
        const spoiled = Buffer.from(chunk);
        spoiled[middle] = spoiled[middle]! ^ 0x55;
        this.push(spoiled);
      }
      done();
    },
  });
}
