import { expect, test } from 'vitest';
import { mergePatchOf, readEdit } from './merge-patch.ts';

test('a patch holds what changed, was added, or was taken out, and nothing else', () => {
  const before = { a: 1, b: { c: [1, 2], d: 'x', secret: '[redacted]' }, gone: true };
  const after = { a: 1, b: { c: [1, 3], d: 'x', secret: '[redacted]' }, fresh: { e: null } };
  expect(mergePatchOf(before, after)).toEqual({ b: { c: [1, 3] }, gone: null, fresh: { e: null } });
  expect(mergePatchOf(before, structuredClone(before))).toEqual({});
  expect(mergePatchOf({ a: { b: 1 } }, { a: [1] })).toEqual({ a: [1] });
});

test('an edit that is no JSON object says so, and where', () => {
  expect(readEdit({}, '{\n  "a": 1,\n  oops\n}')).toEqual({
    ok: false,
    trouble: 'This is not JSON: look at line 3.',
  });
  expect(readEdit({}, '[1]')).toMatchObject({ ok: false });
  expect(readEdit({ a: 1 }, '{"a": 2}')).toEqual({ ok: true, patch: { a: 2 } });
});
