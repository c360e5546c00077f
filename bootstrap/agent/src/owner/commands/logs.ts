import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { asAdmin } from '../../openclaw/gateway.ts';
import { redact } from '../../redact.ts';
import type { CommandContext, Handlers } from './context.ts';

const maxBytes = 512 * 1024;
const maxLineChars = 4000;

/** The last lines of a file, however large it is; none where it isn't there. */
export function tailOfFile(path: string, lines: number): string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const read = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    const all = buffer.toString('utf8', 0, read).split('\n');
    // Where the beginning was cut off, the first line is half a line.
    if (size > buffer.length) all.shift();
    return lastOf(all, lines);
  } finally {
    closeSync(file);
  }
}

const lastOf = (lines: readonly string[], count: number): string[] =>
  lines
    .filter((line) => line !== '')
    .slice(-count)
    .map((line) => redact(line).slice(0, maxLineChars));

const LogEntry = z.looseObject({
  time: z.string().optional(),
  _meta: z.looseObject({ logLevelName: z.string().optional(), date: z.string().optional() }).optional(),
});
const Tail = z.object({ lines: z.array(z.string()) });

/** OpenClaw logs JSON for machines; a person reads time, level and words. */
export function readableLine(line: string): string {
  let entry: z.infer<typeof LogEntry>;
  try {
    entry = LogEntry.parse(JSON.parse(line));
  } catch {
    return line;
  }
  const words = Object.entries(entry)
    .filter(([key]) => /^\d+$/.test(key) || key === 'message')
    .map(([, value]) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const at = entry.time ?? entry._meta?.date ?? '';
  return [at, entry._meta?.logLevelName ?? '', ...words].filter((part) => part !== '').join(' ') || line;
}

async function gatewayLines({ gateway, root, paths }: CommandContext, lines: number): Promise<string[]> {
  if (gateway.state() === 'ready') {
    try {
      const tail = await asAdmin(gateway, (connection) =>
        connection.request('logs.tail', { limit: lines, maxBytes }, 15_000),
      );
      return lastOf(Tail.parse(tail).lines.map(readableLine), lines);
    } catch {
      // A gateway that can't be asked is when its log matters most: from where it lies, then.
    }
  }
  if (root) return lastOf((await root.ask('machine.logs', { source: 'gateway', lines })).lines, lines);
  return tailOfFile(paths.openclawLog, lines).map(readableLine);
}

/** What the server wrote down of itself, without anything that looks like a secret. */
export const logCommands = {
  'logs.tail': async ({ source, lines }, context) => {
    const { root, paths } = context;
    if (source === 'gateway') return { lines: await gatewayLines(context, lines) };
    if (root) return { lines: lastOf((await root.ask('machine.logs', { source, lines })).lines, lines) };
    if (source === 'agent') return { lines: tailOfFile(paths.agentLog, lines) };
    throw new ProductError(
      'machine_needed',
      'This server is a process of the sandbox: it has no log of its boot or its security.',
      'Read the logs of the agent and of OpenClaw instead.',
    );
  },
} satisfies Handlers;
