import { expect, test } from 'vitest';
import { takeLinkCode, waitingLinkCode } from './link-code.ts';

test('a link code is taken off the address and given out once', () => {
  const shown: string[] = [];
  const history = {
    replaceState: (_: unknown, __: string, url?: string | URL | null) => void shown.push(String(url)),
  };
  expect(takeLinkCode({ hash: '#/link?code=AAAA-BBBB' }, history)).toBe(true);
  expect(shown).toEqual(['/link']);
  expect(waitingLinkCode()).toBe('AAAA-BBBB');
  expect(waitingLinkCode()).toBeNull();
});

test('another address is left alone', () => {
  const history = { replaceState: () => expect.unreachable() };
  expect(takeLinkCode({ hash: '#/sign-in?link=x' }, history)).toBe(false);
  expect(waitingLinkCode()).toBeNull();
});
