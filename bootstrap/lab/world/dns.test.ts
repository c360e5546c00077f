import { expect, test } from 'vitest';
import { answer } from './dns.ts';

const names = {
  find: (name: string) =>
    name === 'one.lab.test' ? { ipv4: '10.77.1.10', ipv6: 'fd77:c1a0:1::a' } : undefined,
  elsewhere: '10.77.101.2',
};

/** A query as a resolver sends it, recursion desired. */
function query(name: string, type: number): Buffer {
  const header = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.concat([header, Buffer.from([...labels, 0, 0, type, 0, 1])]);
}
const addressIn = (reply: Buffer, length: number) => [...reply.subarray(reply.length - length)];

test('known names have their own addresses, all others lead to the web of the lab', () => {
  expect(addressIn(answer(query('one.lab.test', 1), names)!, 4)).toEqual([10, 77, 1, 10]);
  expect(addressIn(answer(query('ONE.lab.test', 28), names)!, 16)).toEqual([
    ...[0xfd, 0x77, 0xc1, 0xa0, 0, 1, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0x0a],
  ]);
  expect(addressIn(answer(query('archive.example', 1), names)!, 4)).toEqual([10, 77, 101, 2]);
  // No address of that kind, yet the name exists.
  const none = answer(query('archive.example', 28), names)!;
  expect([none.readUInt16BE(2) & 15, none.readUInt16BE(6)]).toEqual([0, 0]);
});

test('a failure is said with its code, and what is no question gets no answer', () => {
  const failed = answer(query('one.lab.test', 1), names, 5)!;
  expect([failed.readUInt16BE(0), failed.readUInt16BE(2) & 15, failed.readUInt16BE(6)]).toEqual([
    0x1234, 5, 0,
  ]);
  expect(answer(Buffer.from('no'), names)).toBeUndefined();
  expect(answer(query('one.lab.test', 1).subarray(0, 20), names)).toBeUndefined();
});
