import { concat } from '../bytes.ts';

/** Bytes as they came, taken out in the sizes that are wanted. */
export interface ByteQueue {
  push(bytes: Uint8Array): void;
  /** The next `length` bytes, or undefined while there are fewer. */
  take(length: number): Uint8Array | undefined;
  clear(): void;
}

/** A queue that copies a byte at most once, however small the pieces it came in. */
export function createByteQueue(): ByteQueue {
  let chunks: Uint8Array[] = [];
  let held = 0;
  return {
    push(bytes) {
      if (bytes.length === 0) return;
      chunks.push(bytes);
      held += bytes.length;
    },
    take(length) {
      if (held < length) return undefined;
      const parts: Uint8Array[] = [];
      let missing = length;
      let used = 0;
      for (const chunk of chunks) {
        if (missing < chunk.length) break;
        parts.push(chunk);
        missing -= chunk.length;
        used += 1;
      }
      // One splice for all: a shift each would be quadratic for a peer that sends single bytes.
      if (used > 0) chunks.splice(0, used);
      const split = chunks[0];
      if (missing > 0 && split) {
        parts.push(split.subarray(0, missing));
        chunks[0] = split.subarray(missing);
      }
      held -= length;
      return parts.length === 1 && parts[0] ? parts[0] : concat(...parts);
    },
    clear() {
      chunks = [];
      held = 0;
    },
  };
}
