import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * A process inside the lab's network namespace. It opens sockets there and hands them to the lab, which stays in
 * the computer's own namespace: so the lab serves machines, and no packet has a way from one side to the other.
 */
export interface DoorRequest {
  id: number;
  kind: 'tcp' | 'udp';
  address: string;
  port: number;
}

export interface DoorAnswer {
  id: number;
  error?: string;
}

const send = process.send?.bind(process) as
  | ((message: DoorAnswer, handle?: object, options?: object, sent?: (error: Error | null) => void) => void)
  | undefined;
if (!send) throw new Error('The doorman is started by the lab.');

process.on('message', ({ id, kind, address, port }: DoorRequest) => {
  const failed = (error: Error) => send({ id, error: error.message });
  if (kind === 'tcp') {
    const server = createServer();
    server.once('error', failed);
    server.listen({ port, host: address, backlog: 511 }, () =>
      send({ id }, server, {}, () => server.close()),
    );
  } else {
    const socket = createSocket('udp4');
    socket.once('error', failed);
    socket.bind(port, address, () => send({ id }, socket, {}, () => socket.close()));
  }
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole group of a terminal: the lab alone decides when its door closes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
