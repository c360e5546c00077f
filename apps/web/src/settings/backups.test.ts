import { expect, test } from 'vitest';
import type { Answer } from './ask.ts';
import { recipientsOf } from './recipients.ts';

type Device = Answer<'devices.list'>['devices'][number];
const device = (name: string, more: Partial<Device> = {}): Device => ({
  publicKey: name,
  kind: 'device',
  name,
  addedAt: null,
  lastSeenAt: null,
  current: false,
  ...more,
});

test('a backup opens with this browser, with the recovery code, and with other devices as far as they fit', () => {
  const many = Array.from({ length: 12 }, (_, index) => device(`d${index}`));
  const recipients = recipientsOf([
    ...many,
    device('paper', { kind: 'recovery' }),
    device('here', { current: true }),
  ]);
  expect(recipients).toHaveLength(10);
  expect(recipients.slice(0, 3)).toEqual(['here', 'paper', 'd0']);
});
