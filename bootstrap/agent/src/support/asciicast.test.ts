import { expect, test } from 'vitest';
import { toAsciicast } from './asciicast.ts';

const start = {
  startedAt: '2026-11-25T18:35:20.000Z',
  command: null,
  user: 'root',
  columns: 80,
  rows: 24,
  term: 'xterm',
};
const header = {
  version: 2,
  width: 80,
  height: 24,
  timestamp: Math.floor(Date.parse(start.startedAt) / 1000),
  title: 'root: shell',
  env: { TERM: 'xterm', SHELL: '/bin/bash' },
};
const linesOf = (timing: string, io: Uint8Array): unknown[] =>
  toAsciicast(start, timing, io)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
const said = 'Script started on 2026-11-25 18:35:20+00:00 [TERM="xterm"]\n';

test('puts together what script wrote down: input, output, and a new size', () => {
  const io = Buffer.from(`${said}$ id\nid\r\n0\r\n\nScript done on 2026 [COMMAND_EXIT_CODE="0"]\n`);
  const timing =
    'H 0.000000 TERM xterm\nO 0.500000 2\nI 0.250000 3\nS 0.100000 SIGWINCH ROWS=40 COLS=100\nO 0.150000 7\nH 0.000000 EXIT_CODE 0\n';
  expect(linesOf(timing, io)).toEqual([
    header,
    [0.5, 'o', '$ '],
    [0.75, 'i', 'id\n'],
    [0.85, 'r', '100x40'],
    [1, 'o', 'id\r\n0\r\n'],
  ]);
});

test('keeps a letter whole that was cut in two', () => {
  const bytes = Buffer.from('é!');
  const io = Buffer.concat([Buffer.from(said), bytes]);
  expect(linesOf('O 0.1 1\nO 0.1 2\n', io)).toEqual([header, [0.2, 'o', 'é!']]);
});

test('takes what is whole of a session that goes on', () => {
  const io = Buffer.from(`${said}abc`);
  expect(linesOf('O 0.1 3\nO 0.1 5\nO 0.', io)).toEqual([header, [0.1, 'o', 'abc']]);
  expect(linesOf('', new Uint8Array())).toEqual([header]);
});
