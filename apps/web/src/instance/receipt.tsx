import type { Receipt, ReceiptEntry } from '@claw-cloud/contracts';
import { BadgeCheck, TriangleAlert } from 'lucide-react';
import { Card } from '../design/card.tsx';
import { money } from '../design/price-tag.tsx';
import { Table } from '../design/table.tsx';
import { duration } from './words.ts';

/** What a server's life made in the cloud, what was deleted, and what a listing still finds. */
export function ReceiptView({ receipt }: { receipt: Receipt }) {
  const clean = receipt.left.length === 0;
  const Icon = clean ? BadgeCheck : TriangleAlert;
  return (
    <Card data-testid="receipt" aria-label="Receipt">
      <div className="flex items-start gap-3 px-5 pt-5">
        <Icon size={20} aria-hidden className={clean ? 'mt-0.5 text-positive' : 'mt-0.5 text-critical'} />
        <div>
          <h2 className="font-semibold text-lg">
            {clean ? 'Nothing is left in your account' : 'Something is left in your account'}
          </h2>
          <p className="mt-0.5 text-muted text-sm">
            Your cloud was asked for everything that bears this server’s tag, on{' '}
            {new Date(receipt.listedAt).toLocaleString()}.
          </p>
        </div>
      </div>
      <dl className="mt-5 grid grid-cols-3 border-line border-y">
        <Count term="Made" count={receipt.made.length} testId="receipt-made-count" />
        <Count term="Deleted" count={receipt.deleted.length} testId="receipt-deleted-count" />
        <Count term="Left" count={receipt.left.length} testId="receipt-left-count" bad={!clean} />
      </dl>
      {receipt.cost && <Cost cost={receipt.cost} />}
      <Table<ReceiptEntry & { fate: string }>
        caption="Resources"
        rows={entries(receipt)}
        keyOf={(row) => `${row.kind}/${row.id}`}
        columns={[
          { head: 'Kind', cell: (row) => row.kind.replaceAll('_', ' ') },
          { head: 'Name', cell: (row) => row.name, className: 'max-w-56 truncate font-mono text-xs' },
          { head: 'Id in your cloud', cell: (row) => row.id, className: 'font-mono text-xs text-muted' },
          {
            head: 'Now',
            cell: (row) => (
              <span className={row.fate === 'left' ? 'font-medium text-critical-ink' : 'text-positive-ink'}>
                {row.fate}
              </span>
            ),
          },
        ]}
      />
    </Card>
  );
}

function Cost({ cost }: { cost: NonNullable<Receipt['cost']> }) {
  const { amount, currency, hours, basis } = cost;
  return (
    <div className="border-line border-b px-5 py-3.5" data-testid="receipt-cost">
      <p className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="text-muted text-sm">It has cost about</span>
        <span className="font-semibold text-lg tabular-nums">
          {/* Less than a cent is said, not rounded away. */}
          {amount > 0 && amount < 0.01 ? `less than ${money(0.01, currency)}` : money(amount, currency)}
          <span className="font-normal text-faint text-xs"> for {duration(hours * 3_600_000)}</span>
        </span>
      </p>
      <p className="mt-1 text-faint text-xs">{basis}</p>
    </div>
  );
}

function Count({
  term,
  count,
  testId,
  bad = false,
}: {
  term: string;
  count: number;
  testId: string;
  bad?: boolean;
}) {
  return (
    <div className="border-line border-r px-5 py-3.5 last:border-0">
      <dt className="text-muted text-xs">{term}</dt>
      <dd
        data-testid={testId}
        className={`mt-0.5 font-semibold text-xl tabular-nums ${bad ? 'text-critical-ink' : ''}`}
      >
        {count}
      </dd>
    </div>
  );
}

function entries(receipt: Receipt): (ReceiptEntry & { fate: string })[] {
  const left = new Set(receipt.left.map(({ kind, id }) => `${kind}/${id}`));
  const made = receipt.made.map((entry) => ({
    ...entry,
    fate: left.has(`${entry.kind}/${entry.id}`) ? 'left' : 'deleted',
  }));
  const known = new Set(made.map(({ kind, id }) => `${kind}/${id}`));
  const others = receipt.left
    .filter(({ kind, id }) => !known.has(`${kind}/${id}`))
    .map((entry) => ({ ...entry, fate: 'left' }));
  return [...others, ...made];
}
