import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What may stand in a cloud because of a smoke test that has not ended in order. */
export interface SmokeRecord {
  readonly cloud: string;
  /** Whose account, as the cloud names it. */
  readonly account: string;
  readonly tag: string;
  readonly at: string;
}

/**
 * The note of what a smoke test may leave behind, on disk before anything is made: a computer that is switched off in
 * the middle can't clean up, but the next smoke test can.
 */
export function smokeRecord(home: string) {
  const file = join(home, 'smoke.json');
  return {
    file,
    read(): SmokeRecord | null {
      try {
        return JSON.parse(readFileSync(file, 'utf8')) as SmokeRecord;
      } catch {
        return null;
      }
    },
    write(record: SmokeRecord): void {
      mkdirSync(dirname(file), { recursive: true, mode: 0o711 });
      writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    },
    clear: () => rmSync(file, { force: true }),
  };
}
