import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A free port of loopback, below the range that systems hand out by themselves: until it is used, nobody else is given
 * it; for tests.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + randomInt(20_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
