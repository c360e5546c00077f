import { expect, it } from 'vitest';
import { takeSignInLink } from './sign-in-link.ts';

it('takes a sign-in link off the address at once, and leaves every other address alone', () => {
  const replaced: unknown[] = [];
  const history = { replaceState: (...args: unknown[]) => replaced.push(args) } as unknown as History;
  expect(takeSignInLink({ hash: '#/sign-in?link=abc&keys=def' }, history)).toBe(
    '#/sign-in?link=abc&keys=def',
  );
  expect(replaced).toEqual([[null, '', '/']]);
  for (const hash of ['', '#', '#main', '#/sign-in']) expect(takeSignInLink({ hash }, history)).toBeNull();
  expect(replaced).toHaveLength(1);
});
