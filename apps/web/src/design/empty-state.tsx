import type { ReactNode } from 'react';

interface EmptyStateProps {
  icon: ReactNode;
  title: ReactNode;
  children: ReactNode;
  /** The next step. */
  action?: ReactNode;
}

/** Nothing here yet: says what will be, and offers the step that gets there. */
export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center rounded-xl border border-line-strong/70 border-dashed px-6 py-16 text-center">
      <div className="mb-5 grid size-12 place-items-center rounded-lg border border-line bg-surface text-accent shadow-1">
        {icon}
      </div>
      <h2 className="font-semibold text-lg">{title}</h2>
      <div className="mt-1.5 max-w-[46ch] text-muted">{children}</div>
      {action && <div className="mt-6 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
