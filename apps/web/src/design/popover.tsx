import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { classes } from './classes.ts';

interface PopoverProps {
  /** The button's content. */
  trigger: ReactNode;
  triggerClass?: string;
  /** What the button is called where its content is an icon. */
  label?: string;
  align?: 'start' | 'end';
  children: ReactNode | ((close: () => void) => ReactNode);
  className?: string;
  testId?: string;
}

/** More about one thing, beside it. Escape and a press elsewhere close it; the focus goes back. */
export function Popover({
  trigger,
  triggerClass,
  label,
  align = 'end',
  children,
  className,
  testId,
}: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const onPress = (event: PointerEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener('pointerdown', onPress);
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('pointerdown', onPress);
      document.removeEventListener('keydown', onKey);
    };
  }, [open]);
  return (
    <div ref={root} className="relative">
      <button
        ref={button}
        type="button"
        data-testid={testId}
        aria-label={label}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        className={triggerClass}
      >
        {trigger}
      </button>
      {open && (
        <div
          id={id}
          className={classes(
            'absolute top-full z-30 mt-1.5 animate-rise rounded-lg border border-line bg-raised shadow-2',
            align === 'end' ? 'right-0' : 'left-0',
            className,
          )}
        >
          {typeof children === 'function' ? children(() => setOpen(false)) : children}
        </div>
      )}
    </div>
  );
}
