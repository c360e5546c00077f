import type { Instance, InstanceState } from '@claw-cloud/contracts';
import type { Tone } from '../design/status.tsx';

/** A state in a word or two, for lists and heads. */
export const stateWords: Record<InstanceState, string> = {
  queued: 'Queued',
  preflight: 'Checking',
  creating: 'Creating',
  booting: 'Booting',
  installing: 'Installing',
  registering: 'Registering',
  ready: 'Ready',
  stopping: 'Stopping',
  stopped: 'Stopped',
  starting: 'Starting',
  rebooting: 'Restarting',
  resizing: 'Resizing',
  repairing: 'Repairing',
  failed: 'Failed',
  destroying: 'Destroying',
  destroyed: 'Destroyed',
};

/** How a state looks: its words, its colour, and whether something is under way. */
export function statusOf(instance: Instance): { word: string; tone: Tone; live: boolean } {
  const { state, online } = instance;
  if (state === 'ready' && instance.ejectedAt !== null)
    return { word: 'Ejected', tone: 'neutral', live: false };
  if (state === 'ready') {
    return online
      ? { word: 'Ready', tone: 'positive', live: false }
      : { word: 'Offline', tone: 'caution', live: false };
  }
  if (state === 'stopped') return { word: 'Stopped', tone: 'neutral', live: false };
  if (state === 'failed' && instance.retryAt !== null)
    return { word: 'Clean-up is tried again', tone: 'caution', live: false };
  if (state === 'failed') return { word: 'Failed', tone: 'critical', live: false };
  if (state === 'destroyed') return { word: 'Destroyed', tone: 'neutral', live: false };
  return { word: stateWords[state], tone: 'accent', live: true };
}

/** A span of time, e.g. "0.8 s", "42 s", "3 min 5 s". */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The states of a server that was made and is being changed. */
const changing: ReadonlySet<InstanceState> = new Set([
  'stopping',
  'starting',
  'rebooting',
  'resizing',
  'repairing',
]);
export const isChanging = ({ state }: Pick<Instance, 'state'>): boolean => changing.has(state);

/** When something happens that is still to come, e.g. "in 4 minutes". */
export function soon(at: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  return seconds < 45 ? 'in a moment' : ago(at, now);
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** How long ago, e.g. "2 minutes ago"; the date once it is more than a week. */
export function ago(at: string | number, now = Date.now()): string {
  const time = typeof at === 'number' ? at : Date.parse(at);
  const seconds = Math.round((time - now) / 1000);
  if (Math.abs(seconds) < 45) return 'just now';
  if (Math.abs(seconds) < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (Math.abs(seconds) < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
  if (Math.abs(seconds) < 7 * 86_400) return relative.format(Math.round(seconds / 86_400), 'day');
  return new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' });
}
