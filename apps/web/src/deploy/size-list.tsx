import { Cpu, HardDrive, MemoryStick, Search } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { Input } from '../design/field.tsx';
import { PriceTag } from '../design/price-tag.tsx';
import { Badge } from '../design/status.tsx';
import { gigabytes, matchingOffers, type Offer } from './offers.ts';

interface SizeListProps {
  offers: readonly Offer[];
  currency: string;
  chosen: string | undefined;
  onChoose: (size: string) => void;
  /** Under a size's price. */
  priceNote?: (offer: Offer) => ReactNode;
  /** Why a size can't be chosen here; null for one that can. */
  obstacle?: (offer: Offer) => string | null;
  /** What to know of a size that can be chosen. */
  mark?: (offer: Offer) => string | null;
  testId?: string;
  /** The highest it grows before it scrolls, as a Tailwind class. */
  limit?: string;
}

const shownAtFirst = 6;
/** From so many on one would rather type than scroll. */
const searchedFrom = 13;
/** More rows than this say nothing to anybody: the search narrows them down. */
const mostShown = 60;

/** The sizes of a region as a list of radio buttons with everything one compares them by. */
export function SizeList(props: SizeListProps) {
  const {
    offers,
    currency,
    chosen,
    onChoose,
    priceNote,
    obstacle,
    mark,
    testId = 'deploy-size',
    limit,
  } = props;
  const [all, setAll] = useState(false);
  const [typed, setTyped] = useState('');
  const name = useId();
  const searching = typed.trim() !== '';
  const matching = matchingOffers(offers, typed);
  // The chosen one is always in sight.
  const shown = (
    all || searching
      ? matching
      : matching.filter(({ size }, index) => index < shownAtFirst || size.id === chosen)
  ).slice(0, mostShown);
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
      {offers.length >= searchedFrom && (
        <div className="relative mb-2">
          <Search
            size={15}
            aria-hidden
            className="pointer-events-none absolute top-1/2 left-3 -translate-y-1/2 text-faint"
          />
          <Input
            type="search"
            aria-label="Search sizes"
            placeholder="Search, e.g. 8 GB arm"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            className="pl-9"
            data-testid={`${testId}-search`}
          />
        </div>
      )}
      {shown.length === 0 ? (
        <p className="rounded-lg bg-sunken px-4 py-3.5 text-muted">No size matches “{typed.trim()}”.</p>
      ) : (
        <div
          className={classes(
            'overflow-hidden rounded-lg border border-line-strong/80 shadow-1',
            limit && `overflow-y-auto ${limit}`,
          )}
        >
          {shown.map((offer) => (
            <SizeRow
              key={offer.size.id}
              name={name}
              offer={offer}
              currency={currency}
              checked={offer.size.id === chosen}
              onChoose={() => onChoose(offer.size.id)}
              priceNote={priceNote?.(offer)}
              obstacle={obstacle?.(offer) ?? null}
              mark={mark?.(offer) ?? null}
              testId={`${testId}-${offer.size.id}`}
            />
          ))}
        </div>
      )}
      {shown.length < matching.length &&
        (all || searching ? (
          <p className="mt-2 text-muted text-sm">
            {matching.length - shown.length} more: search for what you want.
          </p>
        ) : (
          <Button variant="ghost" size="sm" className="mt-2" onClick={() => setAll(true)}>
            Show all {offers.length} sizes
          </Button>
        ))}
    </fieldset>
  );
}

interface SizeRowProps {
  name: string;
  offer: Offer;
  currency: string;
  checked: boolean;
  onChoose: () => void;
  priceNote: ReactNode;
  obstacle: string | null;
  mark: string | null;
  testId: string;
}

function SizeRow(props: SizeRowProps) {
  const { name, offer, currency, checked, onChoose, priceNote, obstacle, mark, testId } = props;
  const { size } = offer;
  const available = offer.available && obstacle === null;
  return (
    <label
      data-testid={testId}
      data-available={available}
      className={classes(
        'relative flex items-center gap-4 border-line border-b px-4 py-3 transition-colors last:border-0 has-focus-visible:z-10 has-focus-visible:outline-2 has-focus-visible:outline-ring has-focus-visible:-outline-offset-2',
        !available && 'cursor-not-allowed bg-sunken/60 text-faint',
        available && (checked ? 'cursor-pointer bg-sunken' : 'cursor-pointer bg-surface hover:bg-sunken/60'),
      )}
    >
      <input
        type="radio"
        name={name}
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
          {obstacle !== null ? <Badge>{obstacle}</Badge> : !available && <Badge>Sold out</Badge>}
          {available && mark !== null && <Badge>{mark}</Badge>}
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
      <span className="flex shrink-0 flex-col items-end">
        <PriceTag monthly={offer.monthly} hourly={offer.hourly} currency={currency} />
        {priceNote}
      </span>
    </label>
  );
}
