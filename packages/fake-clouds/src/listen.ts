import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

type Fetch = Parameters<typeof getRequestListener>[0];

export interface Listening {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  origin: string;
  port: number;
  /** Ends open connections too; bounded by the platform's close of sockets. */
  close(): Promise<void>;
}

/** Serves a fetch handler on loopback; port 0 takes a free one. Throws when the port is taken. */
export async function listen(fetch: Fetch, port: number): Promise<Listening> {
  const server: Server = createServer(getRequestListener(fetch));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
