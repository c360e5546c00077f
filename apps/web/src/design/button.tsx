import { createLink } from '@tanstack/react-router';
import type { ButtonHTMLAttributes, ComponentProps, Ref } from 'react';
import { classes } from './classes.ts';
import { Spinner } from './spinner.tsx';

export type ButtonVariant = 'primary' | 'secondary' | 'ghost' | 'critical' | 'critical-quiet';
export type ButtonSize = 'sm' | 'md' | 'icon';

const base =
  'inline-flex select-none items-center justify-center gap-2 whitespace-nowrap font-medium transition-[background,border-color,opacity,transform] duration-150 active:translate-y-px disabled:pointer-events-none disabled:opacity-45';
const sizes: Record<ButtonSize, string> = {
  sm: 'h-8 rounded-md px-3 text-sm',
  md: 'h-9.5 rounded-md px-4 text-base',
  icon: 'size-8 rounded-md text-muted hover:text-ink',
};
const variants: Record<ButtonVariant, string> = {
  primary: 'bg-ink text-bg hover:bg-ink/88',
  secondary:
    'border border-line-strong/70 bg-surface text-ink shadow-1 hover:border-line-strong hover:bg-sunken',
  ghost: 'text-ink hover:bg-hover active:bg-pressed',
  critical: 'bg-critical text-white hover:bg-critical/90',
  'critical-quiet':
    'border border-line-strong/70 bg-surface text-critical-ink shadow-1 hover:border-critical/50 hover:bg-critical-soft',
};

interface Look {
  variant?: ButtonVariant;
  size?: ButtonSize;
}
const look = ({ variant = 'primary', size = 'md' }: Look, more?: string) =>
  classes(base, sizes[size], variants[variant], more);

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, Look {
  /** Work under way: shows a spinner and takes no press. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

/** Says what pressing it does. One primary button per view. */
export function Button({ variant, size, busy = false, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={look({ ...(variant ? { variant } : {}), ...(size ? { size } : {}) }, className)}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

function PlainLink({ variant, size, className, ...rest }: ComponentProps<'a'> & Look) {
  return (
    <a
      {...rest}
      className={look({ ...(variant ? { variant } : {}), ...(size ? { size } : {}) }, className)}
    />
  );
}

/** A link that looks like a button: it goes somewhere and changes nothing. */
export const ButtonLink = createLink(PlainLink);
