import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { clientAddress } from './client-address.ts';

describe('clientAddress', () => {
  const from = (remoteAddress: string, forwarded?: string) =>
    ({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage;

  it('is the other end of the connection when no proxy is trusted', () => {
    expect(clientAddress(from('1.2.3.4', '6.6.6.6'), 0)).toBe('1.2.3.4');
    expect(clientAddress(from('::ffff:1.2.3.4'), 0)).toBe('1.2.3.4');
  });

  it('is what the outermost trusted proxy has seen', () => {
    expect(clientAddress(from('10.0.0.1', '6.6.6.6, 1.2.3.4'), 1)).toBe('1.2.3.4');
    expect(clientAddress(from('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2'), 2)).toBe('1.2.3.4');
    expect(clientAddress(from('10.0.0.1', '1.2.3.4'), 2)).toBe('10.0.0.1');
    expect(clientAddress(from('10.0.0.1'), 1)).toBe('10.0.0.1');
  });

  it('counts an IPv6 network as one', () => {
    expect(clientAddress(from('2001:db8:1:2:3:4:5:6'), 0)).toBe('2001:db8:1:2::');
    expect(clientAddress(from('2001:db8:1:2::9'), 0)).toBe('2001:db8:1:2::');
    expect(clientAddress(from('2001:DB8::1'), 0)).toBe('2001:db8:0:0::');
    expect(clientAddress(from('::1'), 0)).toBe('0:0:0:0::');
  });
});
