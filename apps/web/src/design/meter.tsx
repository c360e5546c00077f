import { classes } from './classes.ts';

export type MeterTone = 'neutral' | 'caution' | 'critical' | 'accent';

const fills: Record<MeterTone, string> = {
  neutral: 'fill-ink/70',
  accent: 'fill-accent',
  caution: 'fill-caution',
  critical: 'fill-critical',
};

interface MeterProps {
  /** 0 to 1. */
  fraction: number;
  label: string;
  tone?: MeterTone;
}

const shareOf = (fraction: number) => Math.min(1, Math.max(0, fraction));

/** How full something is; decorative, so say the numbers beside it. */
export function Meter({ fraction, tone = 'neutral' }: Omit<MeterProps, 'label'>) {
  return <Bar fraction={fraction} tone={tone} />;
}

/** How far work has come. */
export function Progress({ fraction, label }: Omit<MeterProps, 'tone'>) {
  const percent = Math.round(shareOf(fraction) * 100);
  return (
    <div role="progressbar" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
      <Bar fraction={fraction} tone="accent" />
    </div>
  );
}

/** Drawn, because a width in a style attribute would be refused by our policy. */
function Bar({ fraction, tone }: { fraction: number; tone: MeterTone }) {
  return (
    <svg width="100%" height="6" aria-hidden="true" className="block overflow-hidden rounded-full bg-hover">
      <rect
        width={`${shareOf(fraction) * 100}%`}
        height="6"
        rx="3"
        className={classes('transition-[width] duration-300', fills[tone])}
      />
    </svg>
  );
}
