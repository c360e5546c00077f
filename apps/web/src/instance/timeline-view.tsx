import type { Instance, InstanceEvent } from '@claw-cloud/contracts';
import { useEffect, useMemo, useState } from 'react';
import { classes } from '../design/classes.ts';
import { CodeBlock } from '../design/code-block.tsx';
import { ErrorNotice, troubleOfFailure } from '../design/error-notice.tsx';
import { type Phase, PhaseList } from '../design/phase-list.tsx';
import { type Note, type TimelinePhase, timelineOf } from './timeline.ts';
import { duration } from './words.ts';

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
  const all = [...timeline.deploy, ...(timeline.destroy ?? [])];
  const now = useNow(all.some((phase) => phase.state === 'active'));
  const { failure } = timeline;
  return (
    <div className="flex flex-col gap-8">
      {failure && (
        <ErrorNotice trouble={troubleOfFailure(failure)} className="animate-rise">
          {failure.resourceMayExist && (
            <p className="mt-2 font-medium text-critical-ink text-sm">
              Your cloud account may still hold something that is billed. Destroy this server to clean it up.
            </p>
          )}
          {failure.logTail && (
            <details className="mt-3">
              <summary className="w-fit text-muted text-sm underline decoration-line-strong underline-offset-4">
                The end of the server’s log
              </summary>
              <div className="mt-2">
                <CodeBlock text={failure.logTail} />
              </div>
            </details>
          )}
        </ErrorNotice>
      )}
      {timeline.destroy && (
        <section className="border-line border-b pb-7">
          <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">The end</h2>
          <PhaseList label="Destroying" phases={timeline.destroy.map((phase) => show(phase, now))} />
        </section>
      )}
      <section>
        {timeline.destroy && (
          <h2 className="mb-4 font-medium text-muted text-sm tracking-normal">The beginning</h2>
        )}
        <PhaseList label="Deploying" phases={timeline.deploy.map((phase) => show(phase, now))} />
      </section>
    </div>
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
