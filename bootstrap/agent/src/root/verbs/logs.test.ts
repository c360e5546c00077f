import { expect, test } from 'vitest';
import { createPaths } from '../../paths.ts';
import type { RootContext } from '../verb.ts';
import { machineLogs } from './logs.ts';

/** Root's context whose only program prints `stdout`. */
function contextOf(stdout: string): { context: RootContext; calls: (readonly string[])[] } {
  const calls: (readonly string[])[] = [];
  const run = async (argv: readonly string[]) => {
    calls.push(argv);
    return { code: 0, stdout, stderr: '' };
  };
  const context: RootContext = {
    paths: createPaths('/nowhere', null),
    log: () => undefined,
    run,
    must: async (argv) => (await run(argv)).stdout,
    progress: () => undefined,
    signal: new AbortController().signal,
    now: () => new Date(0),
  };
  return { context, calls };
}

test('asks the journal for one part of the machine, by terms that stand for either', async () => {
  const { context, calls } = contextOf('one\ntwo api_key=sk-1234567890abcdef\n\nthree\n');
  const { lines } = await machineLogs.work({ source: 'bootstrap', lines: 2 }, context);
  expect(lines).toEqual(['two api_key=[redacted]', 'three']);
  const [argv = []] = calls;
  expect(argv[0]).toBe('journalctl');
  expect(argv).toContain('--lines=2');
  const terms = ['_SYSTEMD_UNIT=claw-bootstrap.service', '+', 'SYSLOG_IDENTIFIER=cloud-init'];
  expect(argv.slice(-3)).toEqual(terms);
});

test('takes no source but its own, and no more lines than it can carry', () => {
  expect(machineLogs.params.safeParse({ source: '--file=/etc/shadow', lines: 5 }).success).toBe(false);
  expect(machineLogs.params.safeParse({ source: 'agent', lines: 100_000 }).success).toBe(false);
});
