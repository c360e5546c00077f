import { describe, expect, it } from 'vitest';
import { createSseParser } from './sse.ts';

describe('the reader of event streams', () => {
  const text =
    ': hello\n\nid: 1\nevent: state\ndata: {"a":1}\n\nid: 2\r\ndata: one\r\ndata: two\r\n\r\n:\n\ndata:tight\r\r';
  const events = [
    { id: '1', event: 'state', data: '{"a":1}' },
    { id: '2', event: 'message', data: 'one\ntwo' },
    { id: '2', event: 'message', data: 'tight' },
  ];

  it('reads ids, kinds and data, and leaves heartbeats out', () => {
    const parser = createSseParser();
    // The last carriage return may be half of CRLF: only what follows tells.
    expect([...parser.push(text), ...parser.push('\n')]).toEqual(events);
  });

  it('does not mind where the pieces are cut', () => {
    for (let size = 1; size < 9; size += 1) {
      const parser = createSseParser();
      const seen = [];
      for (let at = 0; at < text.length; at += size) seen.push(...parser.push(text.slice(at, at + size)));
      seen.push(...parser.push('\n'));
      expect(seen).toEqual(events);
    }
  });

  it('gives up on an event without end', () => {
    const parser = createSseParser();
    expect(() => {
      for (let i = 0; i < 20; i += 1) parser.push(`data: ${'x'.repeat(100_000)}\n`);
    }).toThrow(RangeError);
  });
});
