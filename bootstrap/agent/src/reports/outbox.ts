import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ReportLine } from '@claw-cloud/contracts';
import type { Log } from '../log.ts';
import { readIfThere, writePrivate } from '../private-file.ts';

const KeptReport = ReportLine.omit({ n: true });

/** A report with its id and time, as it is sent and kept. */
export interface KeptReport {
  id: string;
  at: string;
  report: ReportLine['report'];
}

export interface Outbox {
  /** Keeps it durably; on a disk that takes nothing more it is kept in memory alone. */
  add(report: KeptReport): void;
  /** In the order they were added. */
  all(): readonly KeptReport[];
  remove(id: string): void;
}

/** A control plane that is away for years must not fill the disk: above this the oldest go. */
const mostReports = 500;

/** Reports that wait to be acknowledged: a file each in `folder`, so that a power cut loses none. */
export function openOutbox(folder: string, log: Log): Outbox {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kept: { file: string; report: KeptReport }[] = [];
  let last = 0;
  for (const name of readdirSync(folder).sort()) {
    const file = join(folder, name);
    const number = Number(/^(\d{12})\.json$/.exec(name)?.[1] ?? Number.NaN);
    try {
      if (!Number.isInteger(number)) throw new Error('not a report');
      kept.push({ file, report: KeptReport.parse(JSON.parse(readIfThere(file) ?? '')) });
      last = number;
    } catch {
      log(`a report that can't be read was thrown away: ${name}`);
      rmSync(file, { recursive: true, force: true });
    }
  }

  const drop = (index: number): void => {
    for (const { file } of kept.splice(index, 1)) rmSync(file, { force: true });
  };

  return {
    all: () => kept.map(({ report }) => report),
    add(report) {
      last += 1;
      const file = join(folder, `${String(last).padStart(12, '0')}.json`);
      kept.push({ file, report });
      try {
        writePrivate(file, JSON.stringify(report));
      } catch (error) {
        log(`a report is kept in memory only: ${error instanceof Error ? error.message : 'unknown reason'}`);
      }
      if (kept.length <= mostReports) return;
      log(
        `more than ${mostReports} reports wait: the oldest, ${kept[0]?.report.report.kind}, was thrown away`,
      );
      drop(0);
    },
    remove(id) {
      const index = kept.findIndex(({ report }) => report.id === id);
      if (index >= 0) drop(index);
    },
  };
}
