import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSpec } from '../driver.ts';

/** What is kept on disk of a machine, so that another sandbox process finds it and everything it started. */
export interface MachineRecord {
  spec: Omit<MachineSpec, 'userData'>;
  /** Value of the marker variable in the environment of every process of the machine. */
  marker: string;
  /** First of `PORTS_PER_MACHINE` ports. */
  portBase: number;
  boots: number;
  /** `running` until the first boot's commands have ended. */
  firstBoot: 'pending' | 'running' | 'done';
  /** The session leader, with its start so that a reused pid is not taken for it. */
  init: { pid: number; started: string } | null;
}

/** The record of the machine in `folder`, or undefined when there is none. */
export async function readRecord(folder: string): Promise<MachineRecord | undefined> {
  const text = await readFile(join(folder, 'machine.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as MachineRecord);
}

/** Replaces the record in one step. */
export async function writeRecord(folder: string, record: MachineRecord): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `machine.json.${process.pid}.tmp`);
  await writeFile(temporary, `${JSON.stringify(record, null, 1)}\n`, { mode: 0o600 });
  await rename(temporary, join(folder, 'machine.json'));
}
