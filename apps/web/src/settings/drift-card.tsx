import type { Drift, DriftItem } from '@claw-cloud/contracts';
import { CircleCheck, Search, TriangleAlert, Wrench } from 'lucide-react';
import { useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Badge } from '../design/status.tsx';
import { useOrder, useWorkUnderWay } from '../instance/operation.ts';
import { ago, isChanging } from '../instance/words.ts';
import { useThisInstance } from '../pages/server.tsx';

/** Whether the cloud still has what was made, what differs, and the way back. */
export function DriftCard() {
  const instance = useThisInstance();
  const { api } = useOwner();
  const work = useWorkUnderWay();
  const working = work !== undefined || isChanging(instance);
  const [asking, setAsking] = useState(false);
  const check = useOrder(() => api.checkInstance(instance.id));
  const repair = useOrder(
    () => api.repairInstance(instance.id),
    () => setAsking(false),
  );
  const { drift } = instance;
  const items = drift?.items ?? [];
  const repairable = items.filter((item) => item.repairable);
  const checking = check.isPending || work?.kind === 'check';
  const possible = instance.state === 'ready' || instance.state === 'stopped';
  return (
    <Card data-testid="drift" data-items={drift === null ? undefined : items.length}>
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3 px-5 py-4">
        <div className="min-w-0 flex-1">
          <h3 className="flex items-center gap-2 font-semibold text-base" data-testid="drift-word">
            {drift !== null &&
              (items.length === 0 ? (
                <CircleCheck size={16} aria-hidden className="shrink-0 text-positive" />
              ) : (
                <TriangleAlert size={16} aria-hidden className="shrink-0 text-caution-ink" />
              ))}
            {headline(drift)}
          </h3>
          <p className="mt-0.5 max-w-[52ch] text-muted text-sm" aria-live="polite">
            {checking
              ? 'Your cloud is being asked for everything that was made for this server.'
              : drift === null
                ? 'Compares what stands in your cloud account with what was made, and changes nothing.'
                : `Looked at ${ago(drift.checkedAt)}.`}
          </p>
        </div>
        <Button
          variant="secondary"
          size="sm"
          busy={checking}
          disabled={working || !possible}
          onClick={() => check.mutate(undefined)}
          data-testid="drift-check"
        >
          {!checking && <Search size={14} aria-hidden />} Check now
        </Button>
      </div>
      {check.error !== null && <ErrorNotice trouble={troubleOf(check.error)} className="mx-5 mb-4" />}
      {items.length > 0 && (
        <ul className="border-line border-t">
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: one look's list never changes.
            <Item key={index} item={item} />
          ))}
        </ul>
      )}
      {repairable.length > 0 && (
        <div className="flex flex-wrap items-center justify-between gap-3 border-line border-t px-5 py-3.5">
          <p className="text-muted text-sm">
            {repairable.length === items.length
              ? 'All of it can be brought back.'
              : `${repairable.length} of ${items.length} can be brought back.`}
          </p>
          <Button
            size="sm"
            disabled={working || !possible}
            onClick={() => setAsking(true)}
            data-testid="repair-open"
          >
            <Wrench size={14} aria-hidden /> Repair
          </Button>
        </div>
      )}
      <ConfirmDialog
        open={asking}
        width="md"
        title="Bring it back to what was made?"
        hint="Changes that somebody made by hand in your cloud’s console are undone. A server is never made again: its data would be gone."
        confirm="Repair"
        busy={repair.isPending}
        error={repair.error}
        onConfirm={() => repair.mutate(undefined)}
        onClose={() => {
          repair.reset();
          setAsking(false);
        }}
        testId="repair"
      >
        <ul className="flex flex-col gap-2.5">
          {repairable.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: one look's list never changes.
            <li key={index} className="rounded-lg bg-sunken px-3.5 py-2.5 text-sm">
              <p className="font-medium">
                {kindWords(item)} {item.name}
              </p>
              <p className="text-muted">{item.fix}</p>
            </li>
          ))}
        </ul>
      </ConfirmDialog>
    </Card>
  );
}

function headline(drift: Drift | null): string {
  if (drift === null) return 'Not compared yet';
  const { length } = drift.items;
  if (length === 0) return 'Everything is as it was made';
  return length === 1 ? 'One thing is not as it was made' : `${length} things are not as they were made`;
}

const kindWords = ({ kind }: DriftItem): string => {
  const words = kind.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

function Item({ item }: { item: DriftItem }) {
  return (
    <li
      className="border-line border-b px-5 py-4 last:border-0"
      data-testid="drift-item"
      data-kind={item.kind}
    >
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className="font-medium">{kindWords(item)}</span>
        <span className="min-w-0 break-all font-mono text-muted text-xs">{item.name}</span>
        <Badge tone={item.what === 'missing' ? 'critical' : 'caution'}>
          {item.what === 'missing' ? 'Missing' : 'Changed'}
        </Badge>
        {!item.repairable && <Badge>Not repairable</Badge>}
      </p>
      {item.changes.length > 0 && (
        <dl className="mt-2 flex flex-col gap-2">
          {item.changes.map(({ property, expected, found }) => (
            <div key={property} className="grid gap-x-4 gap-y-1 text-sm sm:grid-cols-[8rem_1fr_1fr]">
              <dt className="break-all font-mono text-muted text-xs sm:pt-1">{property}</dt>
              <Value label="made as" value={expected} />
              <Value label="found as" value={found} />
            </div>
          ))}
        </dl>
      )}
      <p className="mt-2 text-muted text-sm">{item.fix}</p>
    </li>
  );
}

function Value({ label, value }: { label: string; value: string | null }) {
  return (
    <dd className="min-w-0 rounded-md bg-sunken px-2.5 py-1">
      <span className="block text-2xs text-faint">{label}</span>
      <span className="block max-h-32 overflow-y-auto break-all font-mono text-xs">
        {value === null ? <span className="text-faint">nothing</span> : value}
      </span>
    </dd>
  );
}
