import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ownerResults } from '@claw-cloud/contracts';
import { AuditEntry } from '@claw-cloud/contracts';
import { canonicalJson, chainHash, chainStart } from '@claw-cloud/crypto/audit';
import type { z } from 'zod';
import type { Log } from '../log.ts';

export type AuditEntryRecord = z.output<typeof AuditEntry>;

export interface AuditEvent {
  /** Who did it: `owner:<name of the device>`, `support:<grant>`, `control plane`, `agent`, `root`. */
  actor: string;
  /** In dotted words, e.g. `support.grant`, `device.revoke`, `gateway.restart`. */
  action: string;
  outcome: AuditEntryRecord['outcome'];
  /** Short facts, never content and never a secret. */
  detail?: Record<string, unknown>;
}

/** The instance's own record: each entry holds the hash of the one before, so that none can be changed unnoticed. */
export interface Audit {
  /** Durable when this returns; null where it could not be written, which is logged. Never raises. */
  record(event: AuditEvent): AuditEntryRecord | null;
  /** Entries after `seq`, oldest first, of those still kept, and the newest one's number. */
  list(after: number, limit: number): z.input<(typeof ownerResults)['audit.list']>;
}

export interface AuditOptions {
  dir: string;
  log: Log;
  now?: () => Date;
  /** The file is set aside above this, and the one set aside before is dropped: twice as much at most. @default 4 MiB */
  maxBytes?: number;
}

const detailLimit = 2000;

function parseLines(text: string): AuditEntryRecord[] {
  const entries: AuditEntryRecord[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      entries.push(AuditEntry.parse(JSON.parse(line)));
    } catch {
      // Shown to the owner as a gap: the next entry doesn't follow.
    }
  }
  return entries;
}

/** Opens the chain in `dir`, or begins it. Await crypto's `ready()` before. */
export function createAudit({
  dir,
  log,
  now = () => new Date(),
  maxBytes = 4 * 1024 * 1024,
}: AuditOptions): Audit {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const current = join(dir, 'audit.jsonl');
  const former = join(dir, 'audit.1.jsonl');
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

  // A power cut in the middle of an append leaves half a line, of something that nobody was told is written.
  const text = read(current);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length !== text.length) truncateSync(current, Buffer.byteLength(whole));
  let size = Buffer.byteLength(whole);
  const last = parseLines(whole).at(-1) ?? parseLines(read(former)).at(-1);
  let head = last ? { seq: last.seq, hash: last.hash } : { seq: 0, hash: chainStart };

  const append = (line: string): void => {
    const bytes = Buffer.from(`${line}\n`);
    if (size + bytes.length > maxBytes && size > 0) {
      renameSync(current, former);
      size = 0;
    }
    const file = openSync(current, 'a', 0o600);
    try {
      writeSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    size += bytes.length;
  };

  return {
    record({ actor, action, outcome, detail = {} }) {
      const plain = JSON.parse(JSON.stringify(detail)) as Record<string, unknown>;
      const said = {
        seq: head.seq + 1,
        at: now().toISOString(),
        actor: actor.slice(0, 200),
        action: action.slice(0, 100),
        outcome,
        detail: canonicalJson(plain).length > detailLimit ? { shortened: true } : plain,
      };
      const entry = { ...said, hash: chainHash(head.hash, said) };
      try {
        append(JSON.stringify(entry));
      } catch (error) {
        log(`audit: not written: ${error instanceof Error ? error.message : 'unknown reason'}`);
        return null;
      }
      head = { seq: entry.seq, hash: entry.hash };
      return entry;
    },

    list(after, limit) {
      const kept = [...parseLines(read(former)), ...parseLines(read(current))];
      return { entries: kept.filter(({ seq }) => seq > after).slice(0, limit), head: head.seq };
    },
  };
}
