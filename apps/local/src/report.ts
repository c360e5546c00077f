/** One finished step of the demo. */
export interface Step {
  name: string;
  ms: number;
  detail?: string;
}

export interface Report {
  /** A line of news inside a step: progress, an engine event. */
  note(text: string): void;
  /** Ends a step that began when the step before it ended. */
  step(name: string, detail?: string): void;
  /** Prints something that is not a step: an address, a link, a receipt. */
  say(kind: string, value: Record<string, unknown>, lines: string[]): void;
  steps(): readonly Step[];
  totalMs(): number;
}

const nameWidth = 22;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Prints steps with their times, for a person or, with `json`, as one JSON object a line. */
export function createReport(options: {
  json: boolean;
  write: (line: string) => void;
  now?: () => number;
  /** When the command was started, if that was before now: counts into the total. */
  startedAt?: number;
}): Report {
  const { json, write, now = () => performance.timeOrigin + performance.now() } = options;
  const begin = options.startedAt ?? now();
  let last = now();
  const done: Step[] = [];
  const print = (value: Record<string, unknown>, line: string) => write(json ? JSON.stringify(value) : line);
  return {
    note: (text) => print({ type: 'note', text }, `    ${text}`),
    step(name, detail) {
      const ms = Math.round(now() - last);
      last = now();
      done.push(detail === undefined ? { name, ms } : { name, ms, detail });
      print(
        { type: 'step', name, ms, ...(detail === undefined ? {} : { detail }) },
        `  ✓ ${name.padEnd(nameWidth)}${seconds(ms).padStart(7)}   ${detail ?? ''}`.trimEnd(),
      );
    },
    say(kind, value, lines) {
      if (json) write(JSON.stringify({ type: kind, ...value }));
      else for (const line of lines) write(line);
    },
    steps: () => done,
    totalMs: () => Math.round(now() - begin),
  };
}
