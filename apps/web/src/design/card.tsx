import type { ComponentProps, ReactNode } from 'react';
import { useTitle } from '../app/title.ts';
import { classes } from './classes.ts';

/** A surface for one thing. */
export function Card({ className, ...rest }: ComponentProps<'section'>) {
  return (
    <section {...rest} className={classes('rounded-lg border border-line bg-surface shadow-1', className)} />
  );
}

/** The head of a card: what it is, and at most one thing to do. */
export function CardHeader({
  title,
  hint,
  action,
}: {
  title: ReactNode;
  hint?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <header className="flex items-start justify-between gap-4 border-line border-b px-5 py-4 last:border-0">
      <div>
        <h2 className="font-semibold text-base">{title}</h2>
        {hint && <p className="mt-0.5 text-muted text-sm">{hint}</p>}
      </div>
      {action}
    </header>
  );
}

/** A page's head; names the tab too. */
export function PageHeader({ title, hint, action }: { title: string; hint?: ReactNode; action?: ReactNode }) {
  useTitle(title);
  return (
    <header className="mb-7 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div>
        <h1 className="font-semibold text-xl">{title}</h1>
        {hint && <p className="mt-1 max-w-[62ch] text-muted">{hint}</p>}
      </div>
      {action}
    </header>
  );
}
