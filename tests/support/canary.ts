import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The forms in which a secret could lie somewhere, each as bytes to look for. */
export function formsOf(canary: string): { form: string; bytes: Buffer }[] {
  const plain = Buffer.from(canary);
  const forms = [
    { form: 'plain', bytes: plain },
    { form: 'UTF-16', bytes: Buffer.from(canary, 'utf16le') },
    { form: 'hex', bytes: Buffer.from(plain.toString('hex')) },
    { form: 'HEX', bytes: Buffer.from(plain.toString('hex').toUpperCase()) },
    { form: 'JSON', bytes: Buffer.from(JSON.stringify(canary).slice(1, -1)) },
    {
      form: 'JSON in JSON',
      bytes: Buffer.from(JSON.stringify(JSON.stringify(canary).slice(1, -1)).slice(1, -1)),
    },
    { form: 'URL', bytes: Buffer.from(encodeURIComponent(canary)) },
  ];
  // base64 of a longer text holds the canary at one of three alignments; the edge characters depend on the neighbours.
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), plain])
      .toString('base64')
      .replace(/=+$/, '');
    const core = encoded.slice(Math.ceil((shift * 4) / 3), -2);
    forms.push({ form: `base64 at ${shift}`, bytes: Buffer.from(core) });
    forms.push({
      form: `base64url at ${shift}`,
      bytes: Buffer.from(core.replaceAll('+', '-').replaceAll('/', '_')),
    });
  }
  return forms;
}

export interface Finding {
  canary: string;
  form: string;
  where: string;
}

/** Where any form of the canaries (by name) stands in the bytes. */
export function findIn(bytes: Buffer, where: string, canaries: Record<string, string>): Finding[] {
  const findings: Finding[] = [];
  for (const [canary, value] of Object.entries(canaries))
    for (const { form, bytes: needle } of formsOf(value))
      if (bytes.includes(needle)) findings.push({ canary, form, where });
  return findings;
}

/** The same over every file below a folder; files and folders that vanish meanwhile are passed over. */
export function findInFiles(
  dir: string,
  canaries: Record<string, string>,
): { findings: Finding[]; files: number } {
  const findings: Finding[] = [];
  let files = 0;
  for (const path of filesIn(readdirSync(dir, { withFileTypes: true }))) {
    const bytes = unlessGone(() => {
      if (statSync(path).size > 512 * 1024 * 1024) throw new Error(`${path} is too large to look through`);
      return readFileSync(path);
    });
    if (bytes === null) continue;
    findings.push(...findIn(bytes, path, canaries));
    files += 1;
  }
  return { findings, files };
}

function* filesIn(entries: readonly Dirent[]): Generator<string> {
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) yield path;
    if (entry.isDirectory())
      yield* filesIn(unlessGone(() => readdirSync(path, { withFileTypes: true })) ?? []);
  }
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
