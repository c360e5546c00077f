import { describe, expect, test } from 'vitest';
import { createRedactor } from './redactor.ts';

const token = 'tok_"quoted"\\and+slash/0123456789';

describe('the redactor', () => {
  test.each([
    ['as it is', token],
    ['as JSON', JSON.stringify(token)],
    ['as base64', Buffer.from(token).toString('base64')],
    ['as base64url', Buffer.from(token).toString('base64url')],
    ['as hex', Buffer.from(token).toString('hex')],
    ['percent-encoded', encodeURIComponent(token)],
  ])('hides a secret %s', (_name, written) => {
    const redactor = createRedactor();
    redactor.add(token);
    const clean = redactor.clean(`before ${written} after`);
    expect(clean).toContain('[redacted]');
    expect(clean).not.toContain(written);
    expect(clean).toMatch(/^before .*after$/);
  });

  test('hides each longer line of a secret of many lines', () => {
    const redactor = createRedactor();
    redactor.add('#cloud-config\n  registrationToken: abcdefghijklmnop\nok: 1\n');
    expect(redactor.clean('error near registrationToken: abcdefghijklmnop')).not.toContain(
      'abcdefghijklmnop',
    );
    expect(redactor.clean('ok: 1')).toBe('ok: 1');
  });

  test('hides the long secret whole when a short one is part of it', () => {
    const redactor = createRedactor();
    redactor.add('abcdef');
    redactor.add('abcdef-and-the-rest-of-it');
    expect(redactor.clean('x abcdef-and-the-rest-of-it y')).toBe('x [redacted] y');
  });

  test('cuts only after hiding: no secret survives at the edge', () => {
    const redactor = createRedactor();
    redactor.add(token);
    expect(redactor.clean(`${'x'.repeat(10)}${token}`, 20)).not.toContain('tok_');
  });
});
