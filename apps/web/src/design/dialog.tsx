import { X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button } from './button.tsx';
import { classes } from './classes.ts';

interface DialogProps {
  open: boolean;
  /** Escape, the backdrop or the cross; absent where the dialog must be answered. */
  onClose?: () => void;
  title: ReactNode;
  hint?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  width?: 'sm' | 'md' | 'lg';
  testId?: string;
}

/**
 * A question that comes before everything else. The browser's own modal dialog: it keeps the focus inside,
 * makes the rest inert and gives the focus back, and needs no injected styles, which our policy forbids.
 */
export function Dialog(props: DialogProps) {
  const { open, onClose, title, hint, children, footer, width = 'sm', testId } = props;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the keyboard's way, and the dialog's own.
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClick={(event) => {
        // Inside, the target is never the dialog itself: it has no padding.
        if (event.target === ref.current) onClose?.();
      }}
      className={classes(
        'm-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] overflow-auto rounded-xl border border-line bg-raised p-0 shadow-3 open:animate-rise',
        { sm: 'max-w-md', md: 'max-w-xl', lg: 'max-w-3xl' }[width],
      )}
    >
      {open && (
        <div className="flex flex-col" data-testid={testId}>
          <header className="flex items-start justify-between gap-4 px-6 pt-5">
            <div>
              <h2 id={id} className="font-semibold text-lg">
                {title}
              </h2>
              {hint && <div className="mt-1 text-muted">{hint}</div>}
            </div>
            {onClose && (
              <Button
                variant="ghost"
                size="icon"
                onClick={onClose}
                aria-label="Close"
                className="-mt-0.5 -mr-2"
              >
                <X size={16} aria-hidden />
              </Button>
            )}
          </header>
          <div className="px-6 py-5">{children}</div>
          {footer && (
            <footer className="flex flex-wrap justify-end gap-2 rounded-b-xl border-line border-t bg-sunken/60 px-6 py-3.5">
              {footer}
            </footer>
          )}
        </div>
      )}
    </dialog>
  );
}
