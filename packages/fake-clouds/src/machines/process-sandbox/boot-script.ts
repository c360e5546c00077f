import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';

/** Where an absolute path of the machine lies on this computer; `..` can't lead out of the root. */
export function underRoot(root: string, path: string): string {
  return join(root, posix.normalize(`/${path}`));
}

function mapped(root: string, path: string): string {
  const real = underRoot(root, path);
  return path !== '/' && existsSync(real) ? real : path;
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}

/** An absolute path in a shell line: not the middle of a longer word, a URL or a variable. */
const PATH_IN_LINE = /(?<![\w/.:$}~*-])\/[\w@%+./-]+/g;

function shellLine(root: string, command: string | string[]): string {
  if (Array.isArray(command)) return command.map((argument) => quoted(mapped(root, argument))).join(' ');
  return command.replace(PATH_IN_LINE, (path) => {
    const real = mapped(root, path);
    return real === path ? path : quoted(real);
  });
}

/**
 * The first boot's commands as one script, as cloud-init makes of `runcmd`: run in order, a failing one does not
 * stop the next. An absolute path that exists under the machine's root now means that one, any other the computer's.
 */
export function firstBootScript(root: string, commands: (string | string[])[]): string {
  return [
    '#!/bin/sh',
    "# Made from the user-data's runcmd; paths that exist under the root are mapped.",
    ...commands.map((command) => shellLine(root, command)),
    'code=$?',
    'echo "[sandbox] first boot finished, last exit code $code"',
    'exit $code',
    '',
  ].join('\n');
}

/** A later boot: every executable file of `/etc/claw/boot.d`, in the order of names, each run to its end. */
export function laterBootScript(root: string): string {
  const hooks = quoted(join(root, 'etc/claw/boot.d'));
  return [
    '#!/bin/sh',
    `for hook in ${hooks}/*; do`,
    '  if [ -f "$hook" ] && [ -x "$hook" ]; then',
    '    echo "[sandbox] running boot hook $(basename "$hook")"',
    '    "$hook"',
    '    echo "[sandbox] boot hook ended with $?"',
    '  fi',
    'done',
    '',
  ].join('\n');
}
