/** Collects the pieces of one message. */
export interface MessageBuffer {
  /** False, with nothing added, where the message would become larger than the limit. */
  add(piece: Uint8Array): boolean;
  /** The whole message; the buffer is empty again. */
  finish(): Uint8Array;
  wipe(): void;
}

/**
 * One growing array instead of a list of pieces: a peer that sends a message byte by byte costs no more
 * memory than twice the message.
 */
export function createMessageBuffer(maxBytes: number): MessageBuffer {
  let buffer = new Uint8Array(0);
  let length = 0;
  const reset = () => {
    buffer = new Uint8Array(0);
    length = 0;
  };
  return {
    add(piece) {
      const needed = length + piece.length;
      if (needed > maxBytes) return false;
      if (needed > buffer.length) {
        const grown = new Uint8Array(Math.min(maxBytes, Math.max(needed, buffer.length * 2)));
        grown.set(buffer.subarray(0, length));
        buffer.fill(0);
        buffer = grown;
      }
      buffer.set(piece, length);
      length = needed;
      return true;
    },
    finish() {
      const message = buffer.subarray(0, length);
      reset();
      return message;
    },
    wipe() {
      buffer.fill(0);
      reset();
    },
  };
}
