import { expect, test } from 'vitest';
import { redact, redactedTail } from './redact.ts';

const canary = 'can4ry-value';

test.each([
  ['Authorization: Bearer abc.def-123456', 'abc.def'],
  ['curl -H "authorization: Bearer abcdefgh12"', 'abcdefgh12'],
  ['{"apiKey":"short"}', 'short'],
  ['OPENCLAW_GATEWAY_TOKEN=q1w2e3', 'q1w2e3'],
  ['key sk-ant-api03-abcdefghijklmnop here', 'sk-ant'],
  ['bot 1234567890:AAEabcdefghijklmnopqrstuvwxyz_012345', 'AAEabc'],
  ['GET https://user:hunter2@registry.example/x', 'hunter2'],
  [`token ${'A'.repeat(43)} seen`, 'AAAA'],
  [`hex ${'0f'.repeat(32)}`, '0f0f'],
])('takes the secret out of %j', (text, secret) => {
  expect(redact(text)).not.toContain(secret);
});

test('takes known secrets out in plain and in base64', () => {
  const text = `a ${canary} b ${Buffer.from(canary).toString('base64')} c`;
  expect(redact(text, [canary])).toBe('a [redacted] b [redacted] c');
});

test('leaves what helps', () => {
  const text =
    'npm error code ENOTFOUND, request to https://registry.example/openclaw failed after 3 attempts';
  expect(redact(text)).toBe(text);
});

test('cuts after redacting, so that half a secret is never left', () => {
  const text = `${'x '.repeat(10)}${canary}`;
  expect(redactedTail(text, [canary], 8)).toBe('edacted]');
});
