import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readUserData } from './user-data.ts';

test('reads files in each encoding, modes, and both forms of commands', () => {
  const config = readUserData(`#cloud-config
package_update: true
write_files:
  - path: /a
    content: |
      plain
    permissions: '0600'
  - {path: /b, encoding: b64, content: ${Buffer.from('b').toString('base64')}, permissions: 0755}
  - {path: /c, encoding: gz+b64, content: ${gzipSync('c').toString('base64')}, owner: 'root:root', append: true}
runcmd:
  - echo one > /tmp/x
  - [sh, -c, 'echo two', 3]
  - null
`);
  expect(config.files.map((file) => [file.path, String(file.content), file.mode, file.append])).toEqual([
    ['/a', 'plain\n', 0o600, false],
    ['/b', 'b', 0o755, false],
    ['/c', 'c', 0o644, true],
  ]);
  expect(config.commands).toEqual(['echo one > /tmp/x', ['sh', '-c', 'echo two', '3']]);
  expect(config.notes).toEqual(['ignored: package_update', 'ignored: owner of /c']);
});

test.each([
  ['no header', 'runcmd: [ls]', /does not start with/],
  ['broken YAML', '#cloud-config\na: [', /no valid YAML/],
  ['a list', '#cloud-config\n- a\n', /no mapping/],
  ['commands that are no list', '#cloud-config\nruncmd: ls\n', /runcmd is no list/],
  ['a relative path', '#cloud-config\nwrite_files: [{path: etc/x}]\n', /no absolute path/],
  [
    'content that is not packed',
    '#cloud-config\nwrite_files: [{path: /x, encoding: gzip, content: abc}]\n',
    /can't be decoded/,
  ],
])('%s: nothing is used, and the log says why', (_what, text, why) => {
  const config = readUserData(text);
  expect(config).toMatchObject({ files: [], commands: [] });
  expect(config.notes.join('\n')).toMatch(why);
});

test('empty user-data is no mistake', () => {
  expect(readUserData('')).toEqual({ files: [], commands: [], notes: [] });
});
