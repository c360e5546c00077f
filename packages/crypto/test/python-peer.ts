import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { testPython } from './env.ts';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** The other implementation: a Python process that answers one JSON line per JSON line. */
export interface PythonPeer {
  /** Bytes travel as hex. Raises what Python raised, or after 10 seconds of silence. */
  call(op: string, args?: Record<string, string | number | boolean>): Promise<string>;
  stop(): void;
}

/** Starts `test/peer.py`. */
export function startPythonPeer(): PythonPeer {
  const python = testPython();
  if (!existsSync(python)) {
    throw new Error(
      `No Python for the interoperability tests at ${python}. Make it: python3 -m venv there, and ` +
        'pip install noiseprotocol==0.3.1 cryptography pynacl; or name another in CLAW_TEST_PYTHON.',
    );
  }
  const child = spawn(python, [join(import.meta.dirname, 'peer.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async call(op, args = {}) {
      child.stdin.write(`${JSON.stringify({ op, ...args })}\n`);
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`Python did not answer ${op} within 10 s`)), 10_000);
      });
      const line = await Promise.race([lines.next(), silence]).finally(() => clearTimeout(timer));
      if (line.done) throw new Error(`Python ended during ${op}`);
      const { result, error } = JSON.parse(line.value) as { result: string; error?: string };
      if (error !== undefined) throw new Error(`${op}: ${error}`);
      return result;
    },
    stop: () => child.kill(),
  };
}
