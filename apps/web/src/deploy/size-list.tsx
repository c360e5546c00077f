import { Cpu, HardDrive, MemoryStick } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { PriceTag } from '../design/price-tag.tsx';
import { Badge } from '../design/status.tsx';
import { gigabytes, type Offer } from './offers.ts';

interface SizeListProps {
  offers: readonly Offer[];
  currency: string;
  chosen: string | undefined;
  onChoose: (size: string) => void;
}

const shownAtFirst = 6;

/** The sizes of a region as a list of radio buttons with everything one compares them by. */
export function SizeList({ offers, currency, chosen, onChoose }: SizeListProps) {
  const [all, setAll] = useState(false);
  // The chosen one is always in sight.
  const shown = all
    ? offers
    : offers.filter((offer, index) => index < shownAtFirst || offer.size.id === chosen);
  if (offers.length === 0) {
    return (
      <p className="rounded-lg bg-sunken px-4 py-3.5 text-muted">
        No size that OpenClaw can run on is offered here.
      </p>
    );
  }
  return (
    <fieldset>
      <legend className="sr-only">Size</legend>
      <div className="overflow-hidden rounded-lg border border-line-strong/80 shadow-1">
        {shown.map((offer) => (
          <SizeRow
            key={offer.size.id}
            offer={offer}
            currency={currency}
            checked={offer.size.id === chosen}
            onChoose={() => onChoose(offer.size.id)}
          />
        ))}
      </div>
      {shown.length < offers.length && (
        <Button variant="ghost" size="sm" className="mt-2" onClick={() => setAll(true)}>
          Show all {offers.length} sizes
        </Button>
      )}
    </fieldset>
  );
}

interface SizeRowProps {
  offer: Offer;
  currency: string;
  checked: boolean;
  onChoose: () => void;
}

function SizeRow({ offer, currency, checked, onChoose }: SizeRowProps) {
  const { size, available } = offer;
  return (
    <label
      data-testid={`deploy-size-${size.id}`}
      data-available={available}
      className={classes(
        'relative flex items-center gap-4 border-line border-b px-4 py-3 transition-colors last:border-0 has-focus-visible:z-10 has-focus-visible:outline-2 has-focus-visible:outline-ring has-focus-visible:-outline-offset-2',
        !available && 'cursor-not-allowed bg-sunken/60 text-faint',
        available && (checked ? 'cursor-pointer bg-sunken' : 'cursor-pointer bg-surface hover:bg-sunken/60'),
      )}
    >
      <input
        type="radio"
        name="size"
        className="sr-only"
        checked={checked}
        disabled={!available}
        onChange={onChoose}
      />
      <span
        aria-hidden
        className={classes(
          'grid size-4 shrink-0 place-items-center rounded-full border-[1.5px]',
          checked ? 'border-accent bg-accent' : 'border-line-strong',
        )}
      >
        {checked && <span className="size-1.5 rounded-full bg-white" />}
      </span>
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-medium">{size.name}</span>
          {offer.recommended && <Badge tone="accent">Recommended</Badge>}
          {!available && <Badge>Sold out</Badge>}
          {available && size.small && <Badge tone="caution">Little memory</Badge>}
        </span>
        <span
          className={classes(
            'mt-1 flex flex-wrap gap-x-3.5 gap-y-0.5 text-xs',
            available ? 'text-muted' : 'text-faint',
          )}
        >
          <span className="inline-flex items-center gap-1">
            <Cpu size={13} aria-hidden className="text-faint" />
            {size.cpus} {size.cpus === 1 ? 'CPU' : 'CPUs'} · {size.architecture === 'arm' ? 'Arm' : 'x86'}
          </span>
          <span className="inline-flex items-center gap-1">
            <MemoryStick size={13} aria-hidden className="text-faint" />
            {gigabytes(size.memoryMb)}
          </span>
          <span className="inline-flex items-center gap-1">
            <HardDrive size={13} aria-hidden className="text-faint" />
            {size.diskGb} GB
          </span>
        </span>
      </span>
      <PriceTag monthly={offer.monthly} hourly={offer.hourly} currency={currency} />
    </label>
  );
}
