import { Check, ChevronsUpDown } from 'lucide-react';
import { type KeyboardEvent, use, useEffect, useId, useRef, useState } from 'react';
import { classes } from './classes.ts';
import { FieldIds, Input } from './field.tsx';

export interface ComboboxOption {
  readonly id: string;
  readonly label: string;
  /** What else finds it. */
  readonly also?: string;
}

interface ComboboxProps {
  options: readonly ComboboxOption[];
  value: string | undefined;
  onChange: (id: string) => void;
  testId?: string;
}

/**
 * One of many, found by typing: an input with a list under it, as the ARIA authoring practices describe it. For a few
 * options a Select is better.
 */
export function Combobox({ options, value, onChange, testId }: ComboboxProps) {
  const [typed, setTyped] = useState<string>();
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const listId = useId();
  const field = use(FieldIds);
  const open = typed !== undefined;
  const found = open ? matching(options, typed) : [];
  const chosen = options.find(({ id }) => id === value);

  useEffect(() => {
    if (open) list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active, open]);

  const show = () => {
    if (open) return;
    setTyped('');
    setActive(
      Math.max(
        0,
        options.findIndex(({ id }) => id === value),
      ),
    );
  };
  const close = () => setTyped(undefined);
  const choose = (option: ComboboxOption | undefined) => {
    if (option) onChange(option.id);
    close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = found.length - 1;
    const moves: Partial<Record<string, () => void>> = {
      ArrowDown: () => (open ? setActive(Math.min(last, active + 1)) : show()),
      ArrowUp: () => (open ? setActive(Math.max(0, active - 1)) : show()),
      PageDown: () => setActive(Math.min(last, active + 8)),
      PageUp: () => setActive(Math.max(0, active - 8)),
      ...(open ? { Enter: () => choose(found[active]), Escape: close } : {}),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  return (
    <div className="relative">
      <Input
        role="combobox"
        aria-expanded={open}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={open && found[active] ? `${listId}-${found[active].id}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={typed ?? chosen?.label ?? ''}
        placeholder={chosen?.label ?? 'Search'}
        onChange={(event) => {
          setTyped(event.target.value);
          setActive(0);
        }}
        onClick={show}
        onKeyDown={onKeyDown}
        onBlur={close}
        className="pr-9"
        data-testid={testId}
      />
      <ChevronsUpDown
        size={15}
        aria-hidden
        className="pointer-events-none absolute top-1/2 right-3 -translate-y-1/2 text-faint"
      />
      <div
        ref={list}
        id={listId}
        role="listbox"
        aria-labelledby={field ? `${field.id}-label` : undefined}
        hidden={!open}
        className="absolute inset-x-0 top-full z-30 mt-1.5 max-h-72 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-2"
      >
        {found.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the focus and takes the keys.
          <div
            key={option.id}
            id={`${listId}-${option.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={option.id === value}
            // The input keeps the focus, or its blur would close the list before the press is over.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(option)}
            data-testid={testId && `${testId}-${option.id}`}
            className={classes(
              'flex cursor-pointer items-center justify-between gap-3 rounded-md px-2.5 py-1.5 text-sm hover:bg-hover',
              index === active && 'bg-hover',
            )}
          >
            {option.label}
            {option.id === value && <Check size={14} aria-hidden className="shrink-0 text-accent-ink" />}
          </div>
        ))}
        {open && found.length === 0 && (
          <p className="px-2.5 py-1.5 text-muted text-sm">Nothing matches “{typed}”.</p>
        )}
      </div>
    </div>
  );
}

function matching(options: readonly ComboboxOption[], typed: string): readonly ComboboxOption[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return options.filter(({ id, label, also = '' }) => {
    const text = `${id} ${label} ${also}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
