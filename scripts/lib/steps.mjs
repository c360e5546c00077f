const nameWidth = 22;

/** A duration in seconds with one decimal. */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/**
 * Prints steps with their times, for a person or, with `json`, as one JSON object a line.
 * @param {{ json?: boolean, write?: (line: string) => void, now?: () => number }} [options]
 */
export function createSteps({ json = false, write = writeLine, now = () => performance.now() } = {}) {
  const print = (value, line) => write(json ? JSON.stringify(value) : line);
  const note = (name, text) =>
    print({ type: 'note', step: name, text }, `    ${text.startsWith(name) ? text : `${name}: ${text}`}`);
  return {
    note,
    /**
     * Does one step. `work` gets a function for news and returns what to print at the end, or
     * `{ skipped: why }`.
     * @param {string} name
     * @param {(news: (text: string) => void) => Promise<string | { skipped: string }>} work
     */
    async run(name, work) {
      const start = now();
      let outcome;
      try {
        outcome = await work((text) => note(name, text));
      } catch (error) {
        const ms = Math.round(now() - start);
        const message = error instanceof Error ? error.message : String(error);
        print({ type: 'step', name, ms, failed: message }, line('✗', name, ms, 'failed'));
        throw error;
      }
      const ms = Math.round(now() - start);
      if (typeof outcome === 'string') {
        print({ type: 'step', name, ms, detail: outcome }, line('✓', name, ms, outcome));
      } else {
        print({ type: 'step', name, ms, skipped: outcome.skipped }, line('–', name, ms, outcome.skipped));
      }
    },
  };
}

function line(mark, name, ms, detail) {
  return `  ${mark} ${name.padEnd(nameWidth)}${seconds(ms).padStart(7)}   ${detail}`.trimEnd();
}

function writeLine(text) {
  process.stdout.write(`${text}\n`);
}
