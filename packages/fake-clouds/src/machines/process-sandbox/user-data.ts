import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';

const MAX_FILE_BYTES = 50 * 1024 ** 2;

export interface WrittenFile {
  /** Absolute, as the user-data names it. */
  path: string;
  content: Buffer;
  mode: number;
  append: boolean;
}

export interface CloudConfig {
  files: WrittenFile[];
  /** Each a shell line, or an argument list. */
  commands: (string | string[])[];
  /** What a person reading the serial log should know: keys and fields that have no effect here, and mistakes. */
  notes: string[];
}

const HANDLED = new Set(['write_files', 'runcmd']);
const FILE_FIELDS = new Set(['path', 'content', 'encoding', 'permissions', 'append', 'defer']);

function decode(content: unknown, encoding: unknown): Buffer {
  const text =
    typeof content === 'string' ? content : content === undefined || content === null ? '' : String(content);
  const name = typeof encoding === 'string' ? encoding.toLowerCase() : '';
  if (name === '' || name === 'text/plain') return Buffer.from(text, 'utf8');
  const packed =
    name.includes('b64') || name.includes('base64')
      ? Buffer.from(text, 'base64')
      : Buffer.from(text, 'latin1');
  return /\bgz|gzip/.test(name) ? gunzipSync(packed, { maxOutputLength: MAX_FILE_BYTES }) : packed;
}

function mode(value: unknown): number {
  if (typeof value === 'number') return value & 0o7777;
  if (typeof value === 'string' && /^0?o?[0-7]{3,5}$/.test(value))
    return Number.parseInt(value.replace('o', ''), 8) & 0o7777;
  return 0o644;
}

function readFiles(value: unknown, config: CloudConfig) {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) {
    config.notes.push('write_files is no list: nothing written');
    return;
  }
  for (const [index, entry] of value.entries()) {
    const file = entry as Record<string, unknown> | null;
    if (typeof file?.path !== 'string' || !file.path.startsWith('/')) {
      config.notes.push(`write_files entry ${index} has no absolute path: not written`);
      continue;
    }
    for (const field of Object.keys(file)) {
      if (!FILE_FIELDS.has(field)) config.notes.push(`ignored: ${field} of ${file.path}`);
    }
    try {
      config.files.push({
        path: file.path,
        content: decode(file.content, file.encoding),
        mode: mode(file.permissions),
        append: file.append === true,
      });
    } catch {
      config.notes.push(`${file.path} can't be decoded as ${String(file.encoding)}: not written`);
    }
  }
}

function readCommands(value: unknown, config: CloudConfig) {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) {
    config.notes.push('runcmd is no list: nothing run');
    return;
  }
  for (const [index, entry] of value.entries()) {
    if (entry === null) continue;
    if (typeof entry === 'string') config.commands.push(entry);
    else if (Array.isArray(entry)) config.commands.push(entry.map(String));
    else config.notes.push(`runcmd entry ${index} is neither text nor list: not run`);
  }
}

/**
 * Reads user-data the way cloud-init would, as far as the sandbox goes: `#cloud-config` with `write_files` and
 * `runcmd`. Never throws: a machine with broken user-data boots and does nothing, and its log says why.
 */
export function readUserData(userData: string): CloudConfig {
  const config: CloudConfig = { files: [], commands: [], notes: [] };
  if (userData.trim() === '') return config;
  if (!/^#cloud-config\s*?(\r?\n|$)/.test(userData)) {
    config.notes.push("the user-data does not start with '#cloud-config': nothing of it is used");
    return config;
  }
  let document: unknown;
  try {
    // cloud-init reads YAML 1.1, in which 0755 is octal.
    document = parse(userData, { version: '1.1', maxAliasCount: 100 });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    config.notes.push(`the user-data is no valid YAML (${reason}): nothing of it is used`);
    return config;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    config.notes.push('the user-data is no mapping: nothing of it is used');
    return config;
  }
  const entries = document as Record<string, unknown>;
  for (const key of Object.keys(entries)) if (!HANDLED.has(key)) config.notes.push(`ignored: ${key}`);
  readFiles(entries.write_files, config);
  readCommands(entries.runcmd, config);
  return config;
}
