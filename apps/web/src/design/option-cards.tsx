import type { ReactNode } from 'react';
import { classes } from './classes.ts';

export interface OptionCard {
  readonly id: string;
  readonly title: ReactNode;
  readonly note?: ReactNode;
}

interface OptionCardsProps {
  legend: string;
  options: readonly OptionCard[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
  /** How many a row on a wide screen. */
  columns?: 2 | 3;
  testId?: string;
}

/** One of a few that deserve more than a line each; a group of radio buttons to the keyboard. */
export function OptionCards({ legend, options, chosen, onChoose, columns = 3, testId }: OptionCardsProps) {
  return (
    <fieldset data-testid={testId}>
      <legend className="mb-2 font-medium text-sm">{legend}</legend>
      <div className={classes('grid gap-2', columns === 3 ? 'grid-cols-2 md:grid-cols-3' : 'sm:grid-cols-2')}>
        {options.map(({ id, title, note }) => (
          <label
            key={id}
            data-testid={testId && `${testId}-${id}`}
            className={classes(
              'cursor-pointer rounded-lg border px-3.5 py-3 shadow-1 transition-colors has-focus-visible:outline-2 has-focus-visible:outline-ring has-focus-visible:outline-offset-2',
              id === chosen
                ? 'border-accent bg-accent-soft/60'
                : 'border-line-strong/70 bg-surface hover:border-line-strong',
            )}
          >
            <input
              type="radio"
              name={legend}
              value={id}
              checked={id === chosen}
              onChange={() => onChoose(id)}
              className="sr-only"
            />
            <span className="block font-medium">{title}</span>
            {note && <span className="mt-0.5 block text-muted text-xs">{note}</span>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
