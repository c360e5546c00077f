import { BadgeCheck } from 'lucide-react';
import { useStrays } from '../app/data.ts';
import { Page } from '../app/shell.tsx';
import { PageHeader } from '../design/card.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { StrayList } from '../instance/strays.tsx';

/** What sweeps found in the owner's cloud accounts. */
export function FoundPage() {
  const strays = useStrays();
  const all = strays.data ?? [];
  return (
    <Page narrow>
      <PageHeader
        title="Found in your accounts"
        hint="From time to time your cloud accounts are looked through for what bears our tag, so that nothing is billed unseen. Only what a record of ours names exactly can be deleted from here."
      />
      {strays.error !== null && <ErrorNotice trouble={troubleOf(strays.error)} className="mb-6" />}
      {all.length > 0 ? (
        <StrayList strays={all} titled={false} />
      ) : strays.isPending ? (
        !strays.error && <SkeletonRows label="Loading what was found" />
      ) : (
        <EmptyState icon={<BadgeCheck size={21} aria-hidden />} title="Nothing was found">
          Everything in your accounts that bears our tag belongs to a server of yours.
        </EmptyState>
      )}
    </Page>
  );
}
