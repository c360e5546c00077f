import type { Instance, InstanceEvent } from '@claw-cloud/contracts';
import { useEffect, useMemo, useState } from 'react';
import { classes } from '../design/classes.ts';
import { type Phase, PhaseList } from '../design/phase-list.tsx';
import { StatusDot } from '../design/status.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { type MachineNote, machineNotes } from './machine-events.ts';
import { type Change, type Note, type TimelinePhase, timelineOf } from './timeline.ts';
import { ago, duration } from './words.ts';

/** Ticks once a second while something runs, for the times that grow. */
function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

/** A server's making (and unmaking), phase by phase, live. */
export function TimelineView({ instance, events }: { instance: Instance; events: readonly InstanceEvent[] }) {
  const timeline = useMemo(() => timelineOf(events, instance), [events, instance]);
  const all = [...timeline.deploy, ...timeline.changes, ...(timeline.destroy ?? [])];
  const now = useNow(all.some((phase) => phase.state === 'active'));
  const { failure } = timeline;
  const life = useMemo(() => machineNotes(events), [events]);
  return (
    <div className="flex flex-col gap-8">
      {failure && (
        <FailureNotice
          failure={failure}
          // What it was before, it is still: only what was asked for did not happen.
          tone={instance.state === 'ready' || instance.state === 'stopped' ? 'caution' : 'critical'}
          className="animate-rise"
          billing={
            instance.retryAt === null
              ? 'Your cloud account may still hold something that is billed. Destroy this server to clean it up.'
              : 'Your cloud account may still hold something that is billed. It is cleared by itself as soon as the cloud allows it.'
          }
        />
      )}
      {timeline.destroy && (
        <section className="border-line border-b pb-7">
          <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">The end</h2>
          <PhaseList label="Destroying" phases={timeline.destroy.map((phase) => show(phase, now))} />
        </section>
      )}
      {timeline.changes.length > 0 && <Changes changes={timeline.changes} now={now} />}
      {life.length > 0 && <Life notes={life} />}
      <section>
        {(timeline.destroy || timeline.changes.length > 0 || life.length > 0) && (
          <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">The beginning</h2>
        )}
        <PhaseList label="Deploying" phases={timeline.deploy.map((phase) => show(phase, now))} />
      </section>
    </div>
  );
}

const shownChanges = 5;

/** What was done to the server since it is there, newest first. */
function Changes({ changes, now }: { changes: readonly Change[]; now: number }) {
  const [all, setAll] = useState(false);
  const newest = changes.toReversed();
  return (
    <section className="border-line border-b pb-7" data-testid="changes">
      <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">Changes</h2>
      <PhaseList
        label="Changes"
        phases={(all ? newest : newest.slice(0, shownChanges)).map((change) => {
          const end = change.endedAt ?? (change.state === 'active' ? now : null);
          const took = change.startedAt !== null && end !== null ? end - change.startedAt : null;
          return {
            id: change.id,
            title: change.title,
            state: change.state,
            aside:
              change.startedAt === null || took === null
                ? undefined
                : change.state === 'active'
                  ? duration(took)
                  : `${duration(took)}, ${ago(change.startedAt)}`,
            children: (
              <>
                {change.notes.length > 0 && <Notes notes={change.notes} />}
                {change.failure && (
                  <p className="mt-1.5 text-critical-ink text-sm">
                    {change.failure.message} <span className="text-muted">{change.failure.fix}</span>
                  </p>
                )}
              </>
            ),
          };
        })}
      />
      {changes.length > shownChanges && (
        <More all={all} count={changes.length} onClick={() => setAll(!all)} />
      )}
    </section>
  );
}

function More({ all, count, onClick }: { all: boolean; count: number; onClick: () => void }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="mt-4 rounded-sm text-muted text-sm underline decoration-line-strong underline-offset-4 hover:text-ink"
    >
      {all ? 'Show fewer' : `Show all ${count}`}
    </button>
  );
}

const shownLife = 12;

/** What the server told of itself since it is there, newest first. */
function Life({ notes }: { notes: readonly MachineNote[] }) {
  const [all, setAll] = useState(false);
  return (
    <section className="border-line border-b pb-7">
      <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">Since then</h2>
      <ul className="flex flex-col gap-3">
        {(all ? notes : notes.slice(0, shownLife)).map((note) => (
          <li key={note.key} className="flex gap-3.5" data-testid="life-note">
            <span className="mt-1.5 grid w-[22px] shrink-0 justify-center">
              <StatusDot tone={note.tone} />
            </span>
            <div className="min-w-0 flex-1">
              <p>{note.text}</p>
              {note.detail && <p className="break-words text-muted text-sm">{note.detail}</p>}
            </div>
            <time
              dateTime={note.at}
              title={new Date(note.at).toLocaleString()}
              className="shrink-0 text-faint text-xs"
            >
              {ago(note.at)}
            </time>
          </li>
        ))}
      </ul>
      {notes.length > shownLife && <More all={all} count={notes.length} onClick={() => setAll(!all)} />}
    </section>
  );
}

function show(phase: TimelinePhase, now: number): Phase {
  const end = phase.endedAt ?? (phase.state === 'active' ? now : null);
  const took = phase.startedAt !== null && end !== null ? end - phase.startedAt : null;
  const instant = phase.id === 'ready' || phase.id === 'destroyed';
  return {
    id: phase.id,
    title: phase.title,
    state: phase.state,
    aside: took !== null && !instant ? duration(took) : undefined,
    children: phase.notes.length > 0 && <Notes notes={phase.notes} />,
  };
}

const shownNotes = 8;

function Notes({ notes }: { notes: readonly Note[] }) {
  const hidden = notes.length - shownNotes;
  return (
    <ul className="mt-1.5 flex flex-col gap-1 text-sm">
      {hidden > 0 && <li className="text-faint text-xs">{hidden} steps before these</li>}
      {notes.slice(-shownNotes).map((note) => (
        <li key={note.key} className="flex items-baseline gap-2.5 text-muted">
          <span
            aria-hidden
            className={classes(
              'relative -top-0.5 size-1.5 shrink-0 rounded-full',
              note.status === 'finished' && 'bg-positive/70',
              note.status === 'started' && 'animate-breathe bg-accent',
              note.status === 'failed' && 'bg-critical',
            )}
          />
          <span
            className={classes(
              'min-w-0 flex-1 break-words',
              note.kind === 'resource' && 'font-mono text-[0.78125rem]',
            )}
          >
            {note.text}
          </span>
          {note.tookMs !== null && note.tookMs >= 50 && (
            <span className="shrink-0 text-faint text-xs tabular-nums">{duration(note.tookMs)}</span>
          )}
        </li>
      ))}
    </ul>
  );
}
