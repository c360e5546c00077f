import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { expectCode } from '../test/expect-code.ts';
import { secret, withBytes, withText } from './secret.ts';

describe('a secret', () => {
  it.each([
    ['text', secret('hunter2')],
    ['bytes', secret(new TextEncoder().encode('hunter2'))],
  ])('of %s prints as [redacted] however it is turned into text', (_, value) => {
    const printed = [
      `${value}`,
      String(value),
      JSON.stringify({ value }),
      inspect(value),
      inspect({ deep: { value } }, { depth: 9, showHidden: true }),
      Object.values(value).map(String).join(),
    ];
    for (const text of printed) {
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('104, 117');
    }
    expect(printed.slice(0, 4)).toEqual(['[redacted]', '[redacted]', '{"value":"[redacted]"}', '[redacted]']);
  });

  it('is seen inside use, and is gone after wipe', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const value = secret(bytes);
    expect(value.use((seen) => seen.length)).toBe(3);
    value.wipe();
    expect([...bytes]).toEqual([0, 0, 0]);
    expectCode('secret_wiped', () => value.use(() => 1));
    const text = secret('abc');
    text.wipe();
    text.wipe();
    expectCode('secret_wiped', () => text.use(() => 1));
  });

  it('is taken in either form', () => {
    expect(withBytes(Uint8Array.of(7), (bytes) => bytes[0])).toBe(7);
    expect(withBytes(secret(Uint8Array.of(7)), (bytes) => bytes[0])).toBe(7);
    expect(withText('a', (text) => text)).toBe('a');
    expect(withText(secret('a'), (text) => text)).toBe('a');
  });
});
