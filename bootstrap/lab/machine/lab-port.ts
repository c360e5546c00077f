import { connect, type Socket } from 'node:net';
import type { Ended, ProgramOptions } from '../program.ts';
import { TIMED_OUT } from '../program.ts';

interface Said {
  id: string;
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs commands in a virtual machine over its port. */
export interface LabPort {
  run(argv: readonly string[], options: ProgramOptions): Promise<Ended>;
  close(): void;
}

/** Opens the port, a socket of the emulator; answers of a machine that has rebooted since never come. */
export function openLabPort(path: string): LabPort {
  const waiting = new Map<string, (said: Said) => void>();
  const socket: Socket = connect(path);
  let kept = '';
  let ids = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    kept += chunk.toString();
    const lines = kept.split('\n');
    kept = lines.pop() ?? '';
    for (const line of lines) {
      try {
        const said = JSON.parse(line) as Said;
        waiting.get(said.id)?.(said);
      } catch {
        // The rest of a line that was cut off by a reboot.
      }
    }
  });
  return {
    run(argv, { timeoutMs = 60_000, input = '' }) {
      ids += 1;
      const id = `${process.pid}.${ids}`;
      const { promise, resolve } = Promise.withResolvers<Ended>();
      const text = (coded: string) => Buffer.from(coded, 'base64').toString();
      const finish = (ended: Ended) => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(ended);
      };
      const late = () => finish({ code: TIMED_OUT, stdout: '', stderr: 'the machine did not answer\n' });
      // The machine has its own limit; this one is for a machine that is gone.
      const timer = setTimeout(late, timeoutMs + 5000);
      waiting.set(id, ({ code, stdout, stderr }) =>
        finish({ code, stdout: text(stdout), stderr: text(stderr) }),
      );
      const ask = { id, argv, input: Buffer.from(input).toString('base64'), seconds: timeoutMs / 1000 };
      // A line break first: it ends what an earlier machine may have left half said.
      socket.write(`\n${JSON.stringify(ask)}\n`);
      return promise;
    },
    close: () => void socket.destroy(),
  };
}
