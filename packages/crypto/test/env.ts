import { homedir } from 'node:os';
import { join } from 'node:path';

/** The Python that holds noiseprotocol, PyNaCl and cryptography; the repository's test script makes it. */
export function testPython(): string {
  const { CLAW_TEST_PYTHON, CLAW_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = CLAW_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'claw-cloud');
  return CLAW_TEST_PYTHON || join(cache, 'python-tests', 'bin', 'python');
}
