import { z } from 'zod';

/** What the SSH daemon said about somebody who knocked. */
export const SshdEvent = z.object({
  at: z.iso.datetime(),
  outcome: z.enum(['allowed', 'denied']),
  /** In our words; never the daemon's line. */
  reason: z.enum([
    'key_accepted',
    'key_unknown',
    'key_expired',
    'user_unknown',
    'login_refused',
    'left_before',
  ]),
  keyFingerprint: z.string().max(100).nullable(),
});
export type SshdEvent = z.infer<typeof SshdEvent>;

const JournalLine = z.object({
  MESSAGE: z.string(),
  __REALTIME_TIMESTAMP: z.string().regex(/^\d+$/),
  __CURSOR: z.string().max(500),
});

const meanings: readonly [RegExp, Pick<SshdEvent, 'outcome' | 'reason'>][] = [
  [/^Accepted publickey for /, { outcome: 'allowed', reason: 'key_accepted' }],
  [/^Failed (publickey|none) for /, { outcome: 'denied', reason: 'key_unknown' }],
  [/Authentication key .* expired/, { outcome: 'denied', reason: 'key_expired' }],
  [/^(Invalid user |User .* not allowed)/, { outcome: 'denied', reason: 'user_unknown' }],
  [/^ROOT LOGIN REFUSED/, { outcome: 'denied', reason: 'login_refused' }],
  [
    /^Connection (closed|reset) by (authenticating|invalid) user /,
    { outcome: 'denied', reason: 'left_before' },
  ],
];

/** The events in `journalctl --output=json` lines, and where to go on reading. */
export function readSshdLog(text: string): { events: SshdEvent[]; cursor: string | null } {
  const events: SshdEvent[] = [];
  let cursor: string | null = null;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const parsed = JournalLine.safeParse(parseJson(line));
    if (!parsed.success) continue;
    const { MESSAGE: message, __REALTIME_TIMESTAMP: micros, __CURSOR: here } = parsed.data;
    cursor = here;
    const meaning = meanings.find(([pattern]) => pattern.test(message))?.[1];
    if (!meaning) continue;
    const keyFingerprint = /\b(SHA256:[A-Za-z0-9+/]{43})/.exec(message)?.[1] ?? null;
    events.push({ at: new Date(Number(micros) / 1000).toISOString(), ...meaning, keyFingerprint });
  }
  return { events, cursor };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
