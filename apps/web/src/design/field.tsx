import { ChevronDown } from 'lucide-react';
import {
  type ComponentProps,
  createContext,
  type ReactNode,
  type SelectHTMLAttributes,
  use,
  useId,
} from 'react';
import { classes } from './classes.ts';

/** What a control inside a Field is called and described by. */
export const FieldIds = createContext<{
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
} | null>(null);

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: ReactNode;
  /** What stands at the label's right, e.g. a link. */
  aside?: ReactNode;
  children: ReactNode;
}

/** A label with its control, a hint, and what is wrong; the control finds its ids by itself. */
export function Field({ label, hint, error, aside, children }: FieldProps) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex items-baseline justify-between gap-3">
        <label id={`${id}-label`} htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        {aside && <span className="text-muted text-xs">{aside}</span>}
      </div>
      <FieldIds value={{ id, describedBy: note ? `${id}-note` : undefined, invalid: Boolean(error) }}>
        {children}
      </FieldIds>
      {note && (
        <p
          id={`${id}-note`}
          role={error ? 'alert' : undefined}
          className={classes('text-xs', error ? 'text-critical-ink' : 'text-muted')}
        >
          {note}
        </p>
      )}
    </div>
  );
}

const control =
  'w-full rounded-md border border-line-strong/80 bg-surface text-ink text-base shadow-1 transition-colors duration-150 hover:border-line-strong focus:border-ink/55 focus:outline-3 focus:outline-offset-0 focus:outline-ink/10 disabled:bg-sunken disabled:text-faint aria-invalid:border-critical';

function useControl() {
  const ids = use(FieldIds);
  return ids
    ? { id: ids.id, 'aria-describedby': ids.describedBy, 'aria-invalid': ids.invalid || undefined }
    : {};
}

/** One line of text. */
export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...useControl()} {...rest} className={classes(control, 'h-9.5 px-3', className)} />;
}

/** Several lines of text. */
export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return (
    <textarea {...useControl()} {...rest} className={classes(control, 'block px-3 py-2.5', className)} />
  );
}

/** A yes or no with its words beside it. */
export function Checkbox({
  children,
  hint,
  ...rest
}: ComponentProps<'input'> & { children: ReactNode; hint?: ReactNode }) {
  return (
    <label className="flex cursor-pointer items-start gap-3">
      <input type="checkbox" {...rest} className="mt-0.5 size-4 shrink-0 accent-(--accent)" />
      <span>
        {children}
        {hint && <span className="mt-0.5 block text-muted text-sm">{hint}</span>}
      </span>
    </label>
  );
}

/** One of a few; the platform's own list, which phones and screen readers know. */
export function Select({ className, children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className="relative block">
      <select
        {...useControl()}
        {...rest}
        className={classes(control, 'h-9.5 appearance-none pr-9 pl-3', className)}
      >
        {children}
      </select>
      <ChevronDown
        size={15}
        aria-hidden
        className="pointer-events-none absolute top-1/2 right-3 -translate-y-1/2 text-faint"
      />
    </span>
  );
}
