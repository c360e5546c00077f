import { CircleCheck, Info, ShieldAlert, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes } from './classes.ts';

type CalloutTone = 'neutral' | 'positive' | 'caution' | 'critical';

const looks: Record<CalloutTone, { box: string; ink: string; Icon: typeof Info }> = {
  neutral: { box: 'border-line bg-sunken/60', ink: 'text-muted', Icon: Info },
  positive: { box: 'border-positive/30 bg-positive-soft', ink: 'text-positive-ink', Icon: CircleCheck },
  caution: { box: 'border-caution/35 bg-caution-soft', ink: 'text-caution-ink', Icon: TriangleAlert },
  critical: { box: 'border-critical/30 bg-critical-soft', ink: 'text-critical-ink', Icon: ShieldAlert },
};

interface CalloutProps {
  tone?: CalloutTone;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
  testId?: string;
}

/** Something to know before going on; not an error. */
export function Callout({ tone = 'neutral', title, children, action, className, testId }: CalloutProps) {
  const { box, ink, Icon } = looks[tone];
  return (
    <div data-testid={testId} className={classes('flex gap-3 rounded-lg border px-4 py-3.5', box, className)}>
      <Icon size={17} aria-hidden className={classes('mt-0.5 shrink-0', ink)} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title}</p>
        {children && <div className="mt-0.5 text-muted text-sm">{children}</div>}
        {action && <div className="mt-3 flex flex-wrap gap-2">{action}</div>}
      </div>
    </div>
  );
}
