import { join } from 'node:path';
import { readRecord } from './machine-record.ts';
import { endMachine } from './processes.ts';

/** Run by a machine's own init when its sandbox is gone: `node end-machine.ts <server folder>`. */
const folder = process.argv[2];
if (!folder) throw new Error('Usage: end-machine.ts <server folder>');
const record = await readRecord(folder);
if (record) await endMachine({ marker: record.marker, root: join(folder, 'root') }, 2_000);
