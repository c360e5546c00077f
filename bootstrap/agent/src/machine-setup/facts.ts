/** What the settings depend on. */
export interface Facts {
  memoryMb: number;
  /** Shares its kernel with others: no swap, no kernel settings, no modules of its own. */
  container: boolean;
}

/** OpenClaw's heap, in MB: half the memory, at least what a few turns need and at most what they ever use. */
export const heapMb = ({ memoryMb }: Facts): number =>
  Math.round(Math.min(Math.max(memoryMb / 2, 768), 4096));

/**
 * Above this the kernel ends the gateway rather than the machine, in MB. The agent's own limit, which waits for a
 * quiet moment, lies below it.
 */
export const gatewayMemoryMaxMb = ({ memoryMb }: Facts): number =>
  Math.round(Math.max(600, Math.min(memoryMb * 0.85, memoryMb - 350)));

/** Swap is made where the memory is under 4 GB, in MB: a turn's peak must not end OpenClaw. */
export const swapMb = ({ memoryMb, container }: Facts): number =>
  container || memoryMb >= 4000 ? 0 : memoryMb < 1500 ? 2048 : 1024;
