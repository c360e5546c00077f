import { classes } from './classes.ts';

/** The shape of what is being fetched. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <div
      aria-hidden
      className={classes(
        'animate-shimmer rounded-md bg-[length:200%_100%] bg-[linear-gradient(90deg,var(--sunken)_30%,var(--hover)_50%,var(--sunken)_70%)]',
        className,
      )}
    />
  );
}

/** A list that is being fetched, announced once. */
export function SkeletonRows({ rows = 3, label }: { rows?: number; label: string }) {
  return (
    <div role="status" className="flex flex-col gap-3">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike and never change places.
        <Skeleton key={row} className="h-16" />
      ))}
    </div>
  );
}
