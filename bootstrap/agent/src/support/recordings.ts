import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProductError } from '@claw-cloud/contracts';
import { toAsciicast } from './asciicast.ts';
import { readSession } from './kept-grants.ts';
import { placesOf } from './places.ts';

/** A session's recording as asciicast v2: of one that goes on, what there is by now. Raises `not_found`. */
export function readRecording(rootState: string, grantId: string, session: string): Buffer {
  const folder = join(placesOf(rootState, grantId).sessions, session);
  const start = readSession(folder);
  if (!start)
    throw new ProductError('not_found', `There is no recording ${session}.`, 'Reload the list of grants.');
  if (!start.terminal) return readFileSync(join(folder, 'events.cast'));
  const [timing, io, cast] = ['timing', 'io', 'replay.cast'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  if (!existsSync(timing) || !existsSync(io)) return Buffer.from(toAsciicast(start, '', new Uint8Array()));
  const changedMs = Math.max(statSync(timing).mtimeMs, statSync(io).mtimeMs);
  // It is read in many pieces: put together once, unless more was recorded meanwhile.
  if ((statSync(cast, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changedMs) return readFileSync(cast);
  const text = toAsciicast(start, readFileSync(timing, 'utf8'), readFileSync(io));
  writeFileSync(`${cast}.part`, text, { mode: 0o600 });
  renameSync(`${cast}.part`, cast);
  return Buffer.from(text);
}
