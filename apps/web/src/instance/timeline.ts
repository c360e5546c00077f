import {
  deployStates,
  type Failure,
  Failure as FailureShape,
  type Instance,
  type InstanceEvent,
} from '@claw-cloud/contracts';
import type { PhaseState } from '../design/phase-list.tsx';

export interface Note {
  readonly key: string;
  readonly kind: 'progress' | 'resource';
  readonly text: string;
  readonly status: 'started' | 'finished' | 'failed';
  readonly at: number;
  readonly tookMs: number | null;
}

export interface TimelinePhase {
  readonly id: string;
  readonly title: string;
  readonly state: PhaseState;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly notes: readonly Note[];
}

/** What was done to a server that was there: its power, its size, a repair. */
export interface Change {
  readonly id: string;
  readonly title: string;
  readonly state: PhaseState;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly notes: readonly Note[];
  readonly failure: Failure | null;
}

export interface Timeline {
  readonly deploy: readonly TimelinePhase[];
  /** Null before a destroy was asked for. */
  readonly destroy: readonly TimelinePhase[] | null;
  /** In the order in which they were asked for. */
  readonly changes: readonly Change[];
  readonly failure: Failure | null;
  readonly startedAt: number | null;
  readonly readyAt: number | null;
}

const titles: Record<(typeof deployStates)[number], string> = {
  queued: 'Waiting for a worker',
  preflight: 'Checking your cloud account',
  creating: 'Creating the server',
  booting: 'Booting',
  installing: 'Installing OpenClaw',
  registering: 'Registering the server’s keys',
  ready: 'Ready to chat',
};

/** The states of a change, in words. */
const changeTitles: Partial<Record<string, string>> = {
  starting: 'Started',
  stopping: 'Stopped',
  rebooting: 'Restarted',
  resizing: 'Resized',
  repairing: 'Repaired',
};
const changingTitles: Partial<Record<string, string>> = {
  starting: 'Starting the server',
  stopping: 'Stopping the server',
  rebooting: 'Restarting the machine',
  resizing: 'Giving it another size',
  repairing: 'Bringing back what was changed',
};

interface MutableChange extends Mutable {
  id: string;
  during: string;
  failure: Failure | null;
}

interface Mutable {
  state: PhaseState;
  startedAt: number | null;
  endedAt: number | null;
  notes: Note[];
}
const creating = deployStates.indexOf('creating');
const blank = (): Mutable => ({ state: 'pending', startedAt: null, endedAt: null, notes: [] });

/**
 * An instance's events as phases with their times, and what was done in each. Pure. The instance's own row
 * fills in what its events have not said (yet).
 */
export function timelineOf(events: readonly InstanceEvent[], instance: Instance): Timeline {
  const deploy = deployStates.map(blank);
  const destroy = [blank(), blank()];
  let at = -1;
  let destroying = false;
  let failure: Failure | null = null;
  const changes: MutableChange[] = [];
  /** The change an event belongs to: by its operation, or the one at work where the machine speaks. */
  const changeOf = (event: InstanceEvent): MutableChange | undefined =>
    changes.findLast(({ id, state }) =>
      event.operationId === null ? state === 'active' : id === event.operationId,
    );

  const open = () => (destroying ? destroy[0] : deploy[Math.max(0, at)]);
  for (const event of events) {
    const time = Date.parse(event.at);
    const change = changeOf(event);
    if (event.kind === 'state') {
      const state = String(event.data.state);
      if (changeTitles[state] !== undefined) {
        const begun = {
          ...blank(),
          id: event.operationId ?? `at ${event.seq}`,
          during: state,
          failure: null,
        };
        begin(begun, time);
        changes.push(begun);
        failure = null;
        continue;
      }
      if (state === 'stopped' || (state === 'ready' && change)) {
        finish(change, time);
        continue;
      }
      if (change?.state === 'active') {
        fail(change, time);
        if (state === 'failed') continue;
      }
      const index = deployStates.indexOf(state as (typeof deployStates)[number]);
      if (index >= 0) {
        destroying = false;
        failure = null;
        // A second attempt begins again: what comes after is not done any more.
        for (let later = index + 1; later < deploy.length; later += 1) deploy[later] = blank();
        for (let earlier = 0; earlier < index; earlier += 1) finish(deploy[earlier], time);
        if (index !== at) begin(deploy[index], time);
        at = index;
        if (state === 'ready') finish(deploy[index], time);
      } else if (state === 'destroying') {
        destroying = true;
        failure = null;
        const phase = deploy[Math.max(0, at)];
        if (phase?.state === 'active') phase.state = 'failed';
        begin(destroy[0], time);
      } else if (state === 'destroyed') {
        finish(destroy[0], time);
        begin(destroy[1], time);
        finish(destroy[1], time);
      } else if (state === 'failed') fail(open(), time);
    } else if (event.kind === 'failure') {
      const parsed = FailureShape.safeParse(event.data);
      if (change) {
        fail(change, time);
        change.failure = parsed.data ?? null;
        continue;
      }
      // Of a look that failed nothing is shown here: it has changed nothing.
      if (at === deploy.length - 1 && !destroying) continue;
      if (parsed.success) failure = parsed.data;
      fail(open(), time);
    } else if (change && event.kind === 'progress') takeProgress(change, event.data, time, event.seq);
    else if (change && event.kind === 'resource') takeResource(change, event.data, time, event.seq);
    else if (event.kind === 'progress') takeProgress(open(), event.data, time, event.seq);
    // The engine tells of some resources only when the machine is on its way already.
    else if (event.kind === 'resource')
      takeResource(destroying ? destroy[0] : deploy[creating], event.data, time, event.seq);
  }
  fillIn(deploy, destroy, instance);
  const ready = deploy.at(-1);
  const view = (phase: Mutable, id: string, title: string): TimelinePhase => ({ ...phase, id, title });
  const wasDestroyed = destroy.some((phase) => phase.state !== 'pending');
  return {
    deploy: deployStates.map((state, index) => view(deploy[index] ?? blank(), state, titles[state])),
    destroy: wasDestroyed
      ? [
          view(destroy[0] ?? blank(), 'destroying', 'Deleting everything in your cloud account'),
          view(destroy[1] ?? blank(), 'destroyed', 'Nothing is left'),
        ]
      : null,
    changes: changes.map(({ during, ...change }) => ({
      ...change,
      title: (change.state === 'done' ? changeTitles : changingTitles)[during] ?? during,
    })),
    failure: failure ?? instance.failure,
    startedAt: deploy[0]?.startedAt ?? Date.parse(instance.createdAt),
    readyAt: ready?.endedAt ?? (instance.readyAt ? Date.parse(instance.readyAt) : null),
  };
}

function begin(phase: Mutable | undefined, time: number): void {
  if (!phase || phase.state === 'active') return;
  phase.state = 'active';
  phase.startedAt = time;
  phase.endedAt = null;
}

function finish(phase: Mutable | undefined, time: number): void {
  if (!phase || phase.state === 'done') return;
  phase.state = 'done';
  phase.endedAt = time;
}

function fail(phase: Mutable | undefined, time: number): void {
  if (!phase) return;
  phase.state = 'failed';
  phase.endedAt = time;
}

/** Steps that say what they are busy with, and not what they do to it. */
const doings: Partial<Record<string, string>> = { fetching: 'Fetching', hardening: 'Hardening' };

/** The steps of a first boot, for a machine that names one and says nothing about it. */
const phaseWords: Partial<Record<string, string>> = {
  booting: 'Booting',
  fetching: 'Fetching the agent',
  hardening: 'Hardening the machine',
  installing: 'Installing OpenClaw',
  configuring: 'Configuring OpenClaw',
  starting: 'Starting OpenClaw',
  warming: 'Warming up',
  registering: 'Registering the server’s keys',
};

const statusOf = (word: unknown): Note['status'] =>
  word === 'finished' || word === 'failed' ? word : 'started';

function takeProgress(
  phase: Mutable | undefined,
  data: Record<string, unknown>,
  time: number,
  seq: number,
): void {
  if (!phase || typeof data.message !== 'string') return;
  const said = data.message.trim();
  const doing = doings[String(data.phase)];
  const message = said === '' ? phaseWords[String(data.phase)] : doing ? `${doing}: ${said}` : said;
  if (!message) return;
  const status = statusOf(data.step);
  const tookMs = typeof data.elapsedMs === 'number' ? data.elapsedMs : null;
  // A machine reports the start and the end of each of its phases: one line for both.
  const reported = data.step === 'started' || data.step === 'finished' || data.step === 'failed';
  const key = reported ? `progress/${String(data.phase)}` : `progress/${seq}`;
  put(phase, {
    key,
    kind: 'progress',
    text: message,
    status: reported ? status : 'finished',
    at: time,
    tookMs,
  });
}

const operations: Partial<Record<string, [doing: string, done: string]>> = {
  create: ['Creating', 'Created'],
  delete: ['Deleting', 'Deleted'],
  update: ['Changing', 'Changed'],
  import: ['Taking over', 'Took over'],
  read: ['Reading', 'Read'],
  replace: ['Replacing', 'Replaced'],
};

function takeResource(
  phase: Mutable | undefined,
  data: Record<string, unknown>,
  time: number,
  seq: number,
): void {
  const op = operations[String(data.op)];
  if (!phase || !op) return;
  const status = statusOf(data.status);
  const kind = String(data.kind ?? 'resource').replaceAll('_', ' ');
  const name = typeof data.name === 'string' && data.name !== '' ? ` ${data.name}` : '';
  const text = `${status === 'started' ? op[0] : status === 'failed' ? `${op[0]} failed:` : op[1]} ${kind}${name}`;
  const key = `resource/${String(data.op)}/${kind}/${name || seq}`;
  const before = phase.notes.find((note) => note.key === key);
  put(phase, {
    key,
    kind: 'resource',
    text,
    status,
    at: time,
    tookMs: before && status !== 'started' ? time - before.at : null,
  });
}

function put(phase: Mutable, note: Note): void {
  const at = phase.notes.findIndex((other) => other.key === note.key);
  if (at < 0) phase.notes.push(note);
  else phase.notes[at] = { ...note, at: phase.notes[at]?.at ?? note.at };
}

function fillIn(deploy: Mutable[], destroy: Mutable[], instance: Instance): void {
  // What is being changed, or stands still, was made.
  const made = instance.state === 'stopped' || changeTitles[instance.state] !== undefined;
  const index = deployStates.indexOf(made ? 'ready' : (instance.state as (typeof deployStates)[number]));
  if (index >= 0) {
    for (let at = 0; at <= index; at += 1) {
      const phase = deploy[at];
      if (phase?.state !== 'pending' && !(at < index && phase?.state === 'active')) continue;
      if (phase) phase.state = at < index || made || instance.state === 'ready' ? 'done' : 'active';
    }
  }
  const [first, last] = destroy;
  if (instance.state === 'destroying' && first?.state === 'pending') first.state = 'active';
  if (instance.state === 'destroyed' && first && last) {
    first.state = 'done';
    last.state = 'done';
  }
  if (
    instance.state === 'failed' &&
    !deploy.some((phase) => phase.state === 'failed') &&
    first?.state !== 'failed'
  ) {
    const stuck = deploy.findLast((phase) => phase.state === 'active') ?? deploy[0];
    if (stuck) stuck.state = 'failed';
  }
}
