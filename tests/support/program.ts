import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A line of a program's `--json` output; other text comes as `{type: 'text', text}`. */
export type Line = { type: string; name?: string; ms?: number } & Record<string, unknown>;

export interface Program {
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  readonly errors: readonly string[];
  readonly ended: Promise<number | null>;
  /** Resolves with the first line that fits; raises when the program ends before. */
  line(fits: (line: Line) => boolean): Promise<Line>;
  /** As a terminal's Ctrl-C does: the signal goes to the whole foreground group. */
  interrupt(): void;
}

/** Starts a program of `scripts/` as its own session leader, as a terminal does. */
export function startProgram(
  program: 'demo' | 'dev' | 'smoke',
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Program {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '..', '..', 'scripts', `${program}.mjs`), ...argv],
    {
      detached: true,
      env: { ...process.env, CLAW_PORT: '0', OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: Line[] = [];
  const errors: string[] = [];
  let wake: () => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(text.startsWith('{') ? JSON.parse(text) : { type: 'text', text });
    wake();
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  // Not at its exit: its last lines may still be on their way then.
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    lines,
    errors,
    ended,
    async line(fits) {
      for (;;) {
        const found = lines.find(fits);
        if (found) return found;
        const end = await Promise.race([
          new Promise<'line'>((resolve) => {
            wake = () => resolve('line');
          }),
          ended.then(() => 'ended' as const),
        ]);
        if (end === 'ended' && !lines.some(fits))
          throw new Error(`It ended first.\n${JSON.stringify(lines.slice(-5))}\n${errors.join('\n')}`);
      }
    },
    interrupt: () => void process.kill(-(child.pid ?? 0), 'SIGINT'),
  };
}

export const step = (name: string) => (line: Line) => line.type === 'step' && line.name === name;

/** Every living process that has the folder in its command line or environment (Linux). */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const text = `${readFileSync(`/proc/${pid}/cmdline`, 'utf8')} ${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
        return text.includes(folder) ? [`${pid} ${text.slice(0, 120).replaceAll('\0', ' ')}`] : [];
      } catch {
        return [];
      }
    });
}
