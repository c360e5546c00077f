import { describe, expect, it } from 'vitest';
import { createLog, describeError, type LogFields } from './log.ts';

describe('createLog', () => {
  const lines: string[] = [];
  const log = createLog(
    (line) => lines.push(line),
    () => new Date(0),
  );

  it('writes one line of JSON', () => {
    log.info('request', { method: 'GET', status: 200 });
    expect(lines.pop()).toBe(
      '{"t":"1970-01-01T00:00:00.000Z","level":"info","event":"request","method":"GET","status":200}\n',
    );
  });

  it('has no place for anything that is not on its list', () => {
    log.warn('x', { reason: 'y', authorization: 'Bearer canary', body: { canary: true } } as LogFields);
    expect(lines.pop()).not.toContain('canary');
    log.error('x', { reason: 'y'.repeat(5_000) });
    expect(lines.pop()?.length).toBeLessThan(400);
  });
});

describe('describeError', () => {
  it('says what and where, and none of the message', () => {
    const error = Object.assign(new RangeError('canary at /home/canary/file.ts:1:1 in "canary"'), {
      code: 'E_RANGE',
    });
    const described = describeError(error);
    expect(described.reason).toBe('RangeError:E_RANGE');
    expect(described.at).toContain('log.test.ts:');
    expect(JSON.stringify(described)).not.toContain('canary');
    expect(describeError('canary')).toEqual({ reason: 'string' });
  });
});
