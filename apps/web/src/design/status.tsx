import type { ReactNode } from 'react';
import { classes } from './classes.ts';

export type Tone = 'neutral' | 'accent' | 'positive' | 'caution' | 'critical';

const dots: Record<Tone, string> = {
  neutral: 'bg-faint',
  accent: 'bg-accent',
  positive: 'bg-positive',
  caution: 'bg-caution',
  critical: 'bg-critical',
};
const badges: Record<Tone, string> = {
  neutral: 'bg-hover text-muted',
  accent: 'bg-accent-soft text-accent-ink',
  positive: 'bg-positive-soft text-positive-ink',
  caution: 'bg-caution-soft text-caution-ink',
  critical: 'bg-critical-soft text-critical-ink',
};

/** A dot for a state; it breathes while something is under way. Always beside words. */
export function StatusDot({ tone, live = false }: { tone: Tone; live?: boolean }) {
  return (
    <span aria-hidden className="relative inline-flex size-2 shrink-0">
      {live && (
        <span
          className={classes(
            'absolute inset-0 animate-breathe rounded-full ring-3 ring-current/15',
            dots[tone],
          )}
        />
      )}
      <span className={classes('relative size-2 rounded-full', dots[tone], live && 'animate-breathe')} />
    </span>
  );
}

/** A short word on a tinted ground. */
export function Badge({
  tone = 'neutral',
  children,
  className,
}: {
  tone?: Tone;
  children: ReactNode;
  className?: string;
}) {
  return (
    <span
      className={classes(
        'inline-flex h-5 items-center gap-1 rounded-sm px-1.5 font-medium text-2xs tracking-[0.01em]',
        badges[tone],
        className,
      )}
    >
      {children}
    </span>
  );
}

/** How many things wait to be looked at. */
export function CountBadge({ count, testId }: { count: number; testId?: string }) {
  return (
    <span
      data-testid={testId}
      className="ml-1.5 inline-grid h-4 min-w-4 place-items-center rounded-full bg-accent-soft px-1 font-medium text-2xs text-accent-ink tabular-nums"
    >
      <span aria-hidden>{count}</span>
      <span className="sr-only">{count === 1 ? 'one notice' : `${count} notices`}</span>
    </span>
  );
}
