import type { IncomingMessage } from 'node:http';

/**
 * The address a request came from, for rate limits. With `hops` trusted proxies in front it is the hops-th entry from
 * the right of X-Forwarded-For: what stands further left was written by the client itself. IPv6 counts by /64, since
 * one household has that many addresses.
 */
export function clientAddress(request: IncomingMessage, hops: number): string {
  let address = request.socket.remoteAddress ?? 'unknown';
  const forwarded = request.headers['x-forwarded-for'];
  if (hops > 0 && typeof forwarded === 'string')
    address = forwarded.split(',').at(-hops)?.trim().slice(0, 64) || address;
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return plain.includes(':') ? firstHalf(plain) : plain;
}

function firstHalf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::`;
}
