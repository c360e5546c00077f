import { ExternalLink as Icon } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes } from './classes.ts';

/** A way out of the dashboard, in a tab of its own. */
export function ExternalLink({
  href,
  children,
  className,
}: {
  href: string;
  children: ReactNode;
  className?: string;
}) {
  return (
    <a
      href={href}
      target="_blank"
      rel="noreferrer"
      className={classes(
        'inline-flex items-center gap-1.5 font-medium text-accent-ink text-sm hover:underline',
        className,
      )}
    >
      {children} <Icon size={13} aria-hidden className="shrink-0" />
    </a>
  );
}
