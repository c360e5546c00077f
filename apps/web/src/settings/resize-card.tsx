import type { Instance } from '@claw-cloud/contracts';
import { isProblem } from '@claw-cloud/owner-client/api';
import { useQueryClient } from '@tanstack/react-query';
import { Scaling } from 'lucide-react';
import { useState } from 'react';
import { keys, useCatalogue, useCloud } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { CatalogueAge } from '../deploy/catalogue-age.tsx';
import { gigabytes, type Offer, offersIn } from '../deploy/offers.ts';
import { SizeList } from '../deploy/size-list.tsx';
import { Button } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { money } from '../design/price-tag.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { useOrder, useWorkUnderWay } from '../instance/operation.ts';
import { isChanging } from '../instance/words.ts';
import { useThisInstance } from '../pages/server.tsx';

/** How large the machine is, and the way to another size. */
export function ResizeCard() {
  const instance = useThisInstance();
  const catalogue = useCatalogue(instance.credentialId);
  const working = useWorkUnderWay() !== undefined || isChanging(instance);
  const [open, setOpen] = useState(false);
  const size = catalogue.data?.sizes.find(({ id }) => id === instance.size);
  const possible = instance.state === 'ready' || instance.state === 'stopped';
  return (
    <Card data-testid="size">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 px-5 py-4">
        <div className="min-w-0 flex-1">
          <h3 className="font-semibold text-base" data-testid="size-now">
            {size?.name ?? instance.size}
          </h3>
          <p className="mt-0.5 text-muted text-sm">
            {size &&
              `${size.cpus} ${size.cpus === 1 ? 'CPU' : 'CPUs'}, ${gigabytes(size.memoryMb)} of memory, ${size.diskGb} GB of disk`}
            {instance.monthlyPrice !== null && instance.currency !== null && (
              <>
                {size && ' · '}
                <span className="tabular-nums" data-testid="size-price">
                  {money(instance.monthlyPrice, instance.currency)} a month
                </span>
              </>
            )}
          </p>
        </div>
        <Button
          variant="secondary"
          size="sm"
          disabled={working || !possible}
          onClick={() => setOpen(true)}
          data-testid="resize-open"
        >
          <Scaling size={14} aria-hidden /> Resize
        </Button>
      </div>
      <ResizeDialog open={open} onClose={() => setOpen(false)} />
    </Card>
  );
}

function ResizeDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const instance = useThisInstance();
  const { api } = useOwner();
  const queries = useQueryClient();
  const cloud = useCloud(instance.provider);
  const catalogue = useCatalogue(open ? instance.credentialId : undefined);
  const [picked, setPicked] = useState<string>();
  const order = useOrder(
    ({ size, monthly }: Offer) =>
      api
        .resizeInstance(instance.id, { size: size.id, expectedMonthlyPrice: monthly })
        .catch((error: unknown) => {
          // What is shown is no longer so: the list below changes, and nothing is asked for by itself.
          if (isProblem(error, 'price_changed') || isProblem(error, 'size_unknown'))
            void queries.invalidateQueries({ queryKey: keys.catalogue(instance.credentialId) });
          throw error;
        }),
    () => close(),
  );
  const close = () => {
    order.reset();
    setPicked(undefined);
    onClose();
  };
  const now = catalogue.data?.sizes.find(({ id }) => id === instance.size);
  // What is installed runs on one kind of processor.
  const offers = (catalogue.data ? offersIn(catalogue.data, instance.region) : [])
    .filter(({ size }) => now === undefined || size.architecture === now.architecture)
    .map((offer) => ({ ...offer, recommended: false }));
  const chosen = offers.find(({ size }) => size.id === picked);
  const currency = catalogue.data?.currency ?? instance.currency ?? '';
  const before = instance.monthlyPrice;
  return (
    <ConfirmDialog
      open={open}
      width="lg"
      title="Another size"
      hint={`${cloud?.billing.resizeNote ?? ''} The assistant can’t be reached meanwhile; what is on the disk stays.`}
      confirm={chosen ? `Resize for ${money(chosen.monthly, currency)} a month` : 'Resize'}
      ready={chosen !== undefined}
      busy={order.isPending}
      error={order.error}
      onConfirm={() => chosen && order.mutate(chosen)}
      onClose={close}
      testId="resize"
    >
      {catalogue.error !== null && <ErrorNotice trouble={troubleOf(catalogue.error)} />}
      {catalogue.data ? (
        <>
          <CatalogueAge credentialId={instance.credentialId} catalogue={catalogue.data} />
          <SizeList
            offers={offers}
            currency={currency}
            chosen={picked}
            onChoose={setPicked}
            obstacle={({ size }) => (size.id === instance.size ? 'Its size now' : null)}
            mark={({ size }) => (now && size.diskGb < now.diskGb ? 'Smaller disk' : null)}
            priceNote={(offer) => <Difference offer={offer} before={before} currency={currency} />}
            testId="resize-size"
            limit="max-h-[min(22rem,42dvh)]"
          />
          {chosen && (
            <Summary
              instance={instance}
              chosen={chosen}
              smaller={isSmaller(chosen, now)}
              currency={currency}
            />
          )}
        </>
      ) : (
        catalogue.isPending && <SkeletonRows label="Loading the sizes" />
      )}
    </ConfirmDialog>
  );
}

const isSmaller = ({ size }: Offer, now: Offer['size'] | undefined): boolean =>
  now !== undefined && size.diskGb < now.diskGb;

function Difference({ offer, before, currency }: { offer: Offer; before: number | null; currency: string }) {
  if (before === null || Math.abs(offer.monthly - before) < 0.005) return null;
  return <span className="text-muted text-xs tabular-nums">{signed(offer.monthly - before, currency)}</span>;
}

/** A difference with its sign, in the reader's way of writing money. */
const signed = (amount: number, currency: string): string =>
  `${amount < 0 ? '−' : '+'} ${money(Math.abs(amount), currency)}`;

function Summary(props: { instance: Instance; chosen: Offer; smaller: boolean; currency: string }) {
  const { instance, chosen, smaller, currency } = props;
  const difference = instance.monthlyPrice === null ? null : chosen.monthly - instance.monthlyPrice;
  return (
    <div className="rounded-lg bg-sunken px-4 py-3 text-sm" data-testid="resize-summary" aria-live="polite">
      <p className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span>
          {instance.size} → <strong className="font-semibold">{chosen.size.name}</strong>
        </span>
        <span className="tabular-nums">
          {money(chosen.monthly, currency)} a month
          {difference !== null && Math.abs(difference) >= 0.005 && (
            <span className="text-muted"> ({signed(difference, currency)})</span>
          )}
        </span>
      </p>
      {smaller && (
        <p className="mt-1 text-muted">
          Its disk is smaller than that of the present size. Most clouds make no disk smaller: they may
          refuse, and then nothing is changed.
        </p>
      )}
    </div>
  );
}
