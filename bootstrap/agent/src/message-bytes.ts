import type { RawData } from 'ws';

/** A WebSocket message's bytes, copied only where ws hands them out in pieces. */
export function messageBytes(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
