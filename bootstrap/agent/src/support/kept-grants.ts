import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GrantId, ProductError, Timestamp } from '@claw-cloud/contracts';
import { z } from 'zod';
import { readIfThere, writePrivate } from '../private-file.ts';
import { type GrantPlaces, placesOf } from './places.ts';

/** What root keeps of a grant. */
export const KeptGrant = z.object({
  id: GrantId,
  name: z.string().max(60),
  keyFingerprint: z.string().max(100),
  root: z.boolean(),
  startsAt: Timestamp,
  endsAt: Timestamp,
});
export type KeptGrant = z.infer<typeof KeptGrant>;

const Ended = z.object({ at: Timestamp, why: z.enum(['expired', 'revoked', 'rebooted']) });

export const SessionMeta = z.object({
  startedAt: Timestamp,
  command: z.string().max(4000).nullable(),
  user: z.string().max(40),
  columns: z.number().int().positive(),
  rows: z.number().int().positive(),
  term: z.string().max(40),
  terminal: z.boolean(),
  pid: z.number().int().positive(),
});
export type SessionMeta = z.infer<typeof SessionMeta>;

export const GrantState = KeptGrant.extend({
  endedAt: Timestamp.nullable(),
  endedWhy: z.enum(['expired', 'revoked', 'rebooted']).nullable(),
  sessions: z
    .array(
      z.object({
        session: z.string().max(60),
        startedAt: Timestamp,
        endedAt: Timestamp.nullable(),
        bytes: z.number().int().nonnegative(),
      }),
    )
    .max(200),
});
export type GrantState = z.infer<typeof GrantState>;

export const sessionsPerGrant = 200;
const grantsKept = 100;
/** Of recordings together; the oldest grants' go first. */
const recordingsLimitBytes = 1024 * 1024 * 1024;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes of everything recorded in a session's folder. */
const recordedBytes = (folder: string): number =>
  ['io', 'events.cast'].reduce((sum, name) => sum + sizeOf(join(folder, name)), 0);

export function readSession(folder: string): SessionMeta | null {
  try {
    return SessionMeta.parse(JSON.parse(readFileSync(join(folder, 'session.json'), 'utf8')));
  } catch {
    return null;
  }
}

function sessionsOf(places: GrantPlaces, isLive: boolean): GrantState['sessions'] {
  if (!existsSync(places.sessions)) return [];
  const sessions: GrantState['sessions'] = [];
  for (const session of readdirSync(places.sessions).sort().slice(0, sessionsPerGrant)) {
    const folder = join(places.sessions, session);
    const meta = readSession(folder);
    if (!meta) continue;
    const running = isLive && existsSync(join(places.terminals, session)) && existsSync(`/proc/${meta.pid}`);
    const written = ['io', 'events.cast', 'session.json'].map(
      (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    const endedAt = running ? null : new Date(Math.max(...written)).toISOString();
    sessions.push({ session, startedAt: meta.startedAt, endedAt, bytes: recordedBytes(folder) });
  }
  return sessions;
}

const readEnded = (places: GrantPlaces): z.infer<typeof Ended> | null => {
  const text = readIfThere(places.endedJson);
  return text === null ? null : Ended.parse(JSON.parse(text));
};

/**
 * A grant as it stands. What is neither noted as ended nor there any more was ended by a reboot, which nobody could
 * note: it is noted now. Null where there is none, or its file is damaged.
 */
export function readGrant(rootState: string, grantId: string, now: Date): GrantState | null {
  const places = placesOf(rootState, grantId);
  try {
    const text = readIfThere(places.grantJson);
    if (text === null) return null;
    const grant = KeptGrant.parse(JSON.parse(text));
    let ended = readEnded(places);
    const isThere = existsSync(places.live);
    if (!ended && !isThere) {
      const at = new Date(Math.min(now.getTime(), Date.parse(grant.endsAt)));
      ended = { at: at.toISOString(), why: 'rebooted' };
      writePrivate(places.endedJson, JSON.stringify(ended));
    }
    return {
      ...grant,
      endedAt: ended?.at ?? null,
      endedWhy: ended?.why ?? null,
      sessions: sessionsOf(places, !ended && isThere),
    };
  } catch {
    return null;
  }
}

/** Every grant kept, newest first. */
export function readGrants(rootState: string, now: Date): GrantState[] {
  const folder = join(rootState, 'support');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => GrantId.safeParse(name).success)
    .map((id) => readGrant(rootState, id, now))
    .filter((grant) => grant !== null)
    .sort((a, b) => b.startsAt.localeCompare(a.startsAt));
}

/** Raises `grant_unknown`. */
export function requireGrant(rootState: string, grantId: string, now: Date): GrantState {
  const grant = readGrant(rootState, grantId, now);
  if (grant) return grant;
  throw new ProductError(
    'grant_unknown',
    `This server knows no support grant ${grantId}.`,
    'Reload the list of grants.',
  );
}

/** Forgets the oldest ended grants above a number and a size, recordings and all. */
export function pruneGrants(rootState: string, now: Date): void {
  let bytes = 0;
  for (const [index, grant] of readGrants(rootState, now).entries()) {
    bytes += grant.sessions.reduce((sum, session) => sum + session.bytes, 0);
    if (grant.endedAt !== null && (index >= grantsKept || bytes > recordingsLimitBytes))
      rmSync(placesOf(rootState, grant.id).kept, { recursive: true, force: true });
  }
}

export function keepGrant(rootState: string, grant: KeptGrant): void {
  const places = placesOf(rootState, grant.id);
  mkdirSync(places.sessions, { recursive: true, mode: 0o700 });
  writePrivate(places.grantJson, JSON.stringify(KeptGrant.parse(grant)));
}
