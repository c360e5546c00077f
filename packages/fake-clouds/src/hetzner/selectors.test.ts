import { expect, test } from 'vitest';
import { isLabel, parseLabelSelector } from './selectors.ts';

const labels = { env: 'prod', 'claw-cloud': 'claw-ins_abc', empty: '' };

test.each([
  ['', true],
  ['env', true],
  ['!env', false],
  ['!other', true],
  ['env=prod', true],
  ['env==prod', true],
  ['env = prod', true],
  ['env!=prod', false],
  ['other!=prod', true],
  ['env in (dev, prod)', true],
  ['env notin (dev,prod)', false],
  ['other notin (a)', true],
  ['claw-cloud=claw-ins_abc', true],
  ['env=prod,claw-cloud=claw-ins_abx', false],
  ['env in (dev,prod),empty=', true],
])('%s → %s', (selector, expected) => {
  expect(parseLabelSelector(selector)?.(labels)).toBe(expected);
});

test.each(['a b', 'a=b=c', 'in (a)', 'a,,b', 'a=b c', 'a in b'])('%s is no selector', (selector) => {
  expect(parseLabelSelector(selector)).toBeUndefined();
});

test('labels keep to the vendor rules', () => {
  expect(isLabel('claw-cloud', 'claw-ins_0123456789abcdefghijklmn')).toBe(true);
  expect(isLabel('a', 'x'.repeat(64))).toBe(false);
  expect(isLabel('-a', 'x')).toBe(false);
  expect(isLabel('a', 'x/y')).toBe(false);
});
