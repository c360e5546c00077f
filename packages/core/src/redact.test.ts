import { describe, expect, it } from 'vitest';
import { redact } from './redact.ts';

describe('redact', () => {
  it.each([
    ['Authorization: Bearer abc.def.ghi', 'abc.def.ghi'],
    ['curl -H "authorization: bearer hunter2"', 'hunter2'],
    ['HCLOUD_TOKEN=hunter2 next', 'hunter2'],
    ['{"apiKey":"hunter2","x":1}', 'hunter2'],
    ["password: 'hunter 2'", 'hunter 2'],
    ['using sk-ant-api03-abcdefgh', 'api03-abcdefgh'],
    ['postgres://user:hunter2@host/db', 'hunter2'],
    ['aws AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
    ['key 3q2-7wEFb0a4sZx9QmT5yUiOpLkJhGfDsAzXcVbNm01', '3q2-7wEFb0a4sZx9QmT5yUiOpLkJhGfDsAzXcVbNm01'],
    ['-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----', 'hunter2'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2 and then the log was cut', 'hunter2'],
  ])('takes the secret out of %o', (text, secret) => {
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain('[redacted]');
  });

  it.each([
    'npm error code ENOSPC: no space left on device, write /opt/claw/node_modules/openclaw/dist/index.js',
    'systemd[1]: claw-agent.service: Main process exited, code=exited, status=1/FAILURE',
    'Nov 21 13:00:00 installing openclaw 2026.11.1 (412 packages in 38 s)',
  ])('leaves %o as it is', (text) => {
    expect(redact(text)).toBe(text);
  });
});
