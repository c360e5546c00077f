import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes } from './classes.ts';
import { Spinner } from './spinner.tsx';

export type PhaseState = 'pending' | 'active' | 'done' | 'failed';

export interface Phase {
  readonly id: string;
  readonly title: string;
  readonly state: PhaseState;
  /** At the right, e.g. how long it took. */
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
}

const words: Record<PhaseState, string> = {
  pending: 'not begun',
  active: 'under way',
  done: 'done',
  failed: 'failed',
};

/** Steps in their order, with what happened in each. */
export function PhaseList({ phases, label }: { phases: readonly Phase[]; label: string }) {
  return (
    <ol aria-label={label} className="flex flex-col">
      {phases.map((phase, index) => (
        <li
          key={phase.id}
          data-testid={`phase-${phase.id}`}
          data-state={phase.state}
          className="relative flex gap-3.5 pb-5 last:pb-0"
        >
          {index < phases.length - 1 && (
            <span
              aria-hidden
              className={classes(
                'absolute top-6 bottom-0 left-[10.5px] w-px',
                phase.state === 'done' ? 'bg-positive/45' : 'bg-line',
              )}
            />
          )}
          <PhaseMark state={phase.state} />
          <div className="min-w-0 flex-1 pt-px">
            <div className="flex items-baseline justify-between gap-4">
              <h3
                className={classes(
                  'text-base tracking-normal',
                  phase.state === 'pending' ? 'text-faint' : 'font-medium',
                  phase.state === 'failed' && 'text-critical-ink',
                )}
              >
                {phase.title}
                <span className="sr-only"> ({words[phase.state]})</span>
              </h3>
              {phase.aside && <span className="shrink-0 text-faint text-xs tabular-nums">{phase.aside}</span>}
            </div>
            {phase.children}
          </div>
        </li>
      ))}
    </ol>
  );
}

function PhaseMark({ state }: { state: PhaseState }) {
  const base = 'relative z-10 mt-px grid size-[22px] shrink-0 place-items-center rounded-full';
  if (state === 'done') {
    return (
      <span className={classes(base, 'bg-positive-soft text-positive-ink')}>
        <Check size={13} strokeWidth={2.5} aria-hidden />
      </span>
    );
  }
  if (state === 'failed') {
    return (
      <span className={classes(base, 'bg-critical-soft text-critical-ink')}>
        <X size={13} strokeWidth={2.5} aria-hidden />
      </span>
    );
  }
  if (state === 'active') {
    return (
      <span className={classes(base, 'bg-accent-soft text-accent-ink')}>
        <Spinner />
      </span>
    );
  }
  return (
    <span className={base}>
      <span className="size-2 rounded-full border-[1.5px] border-line-strong" />
    </span>
  );
}
