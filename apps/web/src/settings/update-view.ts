import type { Answer } from './ask.ts';

type Updates = Answer<'updates.get'>;

/** What the updates' page says first: one of a few situations, in the order in which they matter. */
export type UpdateSituation =
  | { readonly kind: 'running'; readonly to: string; readonly step: string }
  | { readonly kind: 'pinned'; readonly version: string }
  | { readonly kind: 'snoozed'; readonly until: string; readonly version: string }
  | { readonly kind: 'offered'; readonly version: string }
  | { readonly kind: 'newest' };

/** Which situation it is, at a time. Pure. */
export function situationOf(updates: Updates, now: number): UpdateSituation {
  const { running, pinned, latest, snoozedUntil, current } = updates;
  if (running) return { kind: 'running', to: running.to, step: running.step };
  if (pinned !== null) return { kind: 'pinned', version: pinned };
  if (latest === null || latest.version === current) return { kind: 'newest' };
  if (snoozedUntil !== null && Date.parse(snoozedUntil) > now)
    return { kind: 'snoozed', until: snoozedUntil, version: latest.version };
  return { kind: 'offered', version: latest.version };
}

/** The parts of an update in the order they are done, for who waits for it. */
export const updateSteps: readonly [step: string, words: string][] = [
  ['install', 'Installing it beside the one in use'],
  ['try', 'Trying it out with a copy of the assistant’s memory'],
  ['stop', 'Stopping the assistant'],
  ['migrate', 'Setting its memory aside, untouched'],
  ['switch', 'Putting the new version in its place'],
  ['start', 'Starting it, and making sure that it answers'],
];

const exact = /^\d{4}\.\d{1,2}\.\d{1,3}(-[a-z0-9.]{1,20})?$/;

/** What is wrong with a version that was typed; undefined when nothing is. */
export function versionTrouble(typed: string): string | undefined {
  if (typed.trim() === '') return 'Enter a version.';
  return exact.test(typed.trim()) ? undefined : 'A version looks like 2026.9.6.';
}
