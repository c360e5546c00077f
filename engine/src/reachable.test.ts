import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { expect, test } from 'vitest';
import { isReachable } from './reachable.ts';

test('a host that takes the connection and never answers counts as out of reach, within the limit', async () => {
  const silent = createTcpServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const start = performance.now();
  expect(await isReachable(url, { limitMs: 200 })).toBe(false);
  expect(performance.now() - start).toBeLessThan(2_000);
  silent.close();
});

test('success is in reach, a refusal and a closed port are not', async () => {
  const server = createServer((req, res) => {
    res.writeHead(req.url === '/install.sh' ? 200 : 403).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await isReachable(`${base}/install.sh`)).toBe(true);
  expect(await isReachable(`${base}/blocked`)).toBe(false);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  expect(await isReachable(`${base}/install.sh`)).toBe(false);
});
