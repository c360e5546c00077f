import { createServer } from 'node:net';

/** How many consecutive ports a machine may use, from its `CLAW_PORT_BASE` on. */
export const PORTS_PER_MACHINE = 20;

/** Below Linux's and macOS's ephemeral ranges, so that no outgoing connection sits on them. */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;
const SLOTS = Math.floor((LAST_PORT - FIRST_PORT + 1) / PORTS_PER_MACHINE);
const MAX_TRIES = 50;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * A range of ports all free right now and not in `taken`, as its first port. Starts at a random slot, so that two
 * sandboxes on one computer rarely meet. Throws after 50 busy ranges.
 */
export async function freePortBase(
  taken: ReadonlySet<number>,
  randomBelow: (below: number) => number,
): Promise<number> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const base = FIRST_PORT + randomBelow(SLOTS) * PORTS_PER_MACHINE;
    if (taken.has(base)) continue;
    const ports = Array.from({ length: PORTS_PER_MACHINE }, (_, offset) => base + offset);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`No ${PORTS_PER_MACHINE} free ports in a row between ${FIRST_PORT} and ${LAST_PORT}.`);
}
