import type { AuditEvent } from '@claw-cloud/contracts';
import { History } from 'lucide-react';
import { useAudit } from '../app/data.ts';
import { Page } from '../app/shell.tsx';
import { Card, PageHeader } from '../design/card.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { Badge, type Tone } from '../design/status.tsx';
import { Table } from '../design/table.tsx';
import { ago } from '../instance/words.ts';

const tones: Record<AuditEvent['outcome'], Tone> = {
  allowed: 'neutral',
  succeeded: 'positive',
  denied: 'critical',
  failed: 'critical',
};

/** What was done in the owner's name, and what was refused. */
export function ActivityPage() {
  const audit = useAudit();
  return (
    <Page>
      <PageHeader
        title="Activity"
        hint="Every use of a credential, every deploy and every refusal, newest first. What you say in chats is nowhere here."
      />
      {audit.error && <ErrorNotice trouble={troubleOf(audit.error)} />}
      {audit.isPending ? (
        !audit.error && <SkeletonRows label="Loading the activity" />
      ) : audit.data?.length === 0 ? (
        <EmptyState icon={<History size={20} aria-hidden />} title="Nothing has happened yet">
          Once you add a credential or deploy a server, each step is recorded here.
        </EmptyState>
      ) : (
        audit.data && (
          <Card>
            <Table
              caption="Activity"
              rows={audit.data}
              keyOf={(event) => event.id}
              columns={[
                {
                  head: 'When',
                  cell: (event) => (
                    <time dateTime={event.at} title={new Date(event.at).toLocaleString()}>
                      {ago(event.at)}
                    </time>
                  ),
                  className: 'whitespace-nowrap text-muted',
                },
                {
                  head: 'What',
                  cell: (event) => event.action,
                  className: 'whitespace-nowrap font-mono text-xs',
                },
                {
                  head: 'On',
                  cell: (event) => event.target,
                  className: 'font-mono text-xs text-muted break-all',
                },
                {
                  head: 'By',
                  cell: (event) => event.actor,
                  className: 'max-w-44 truncate text-xs text-muted',
                },
                {
                  head: 'Outcome',
                  cell: (event) => <Badge tone={tones[event.outcome]}>{event.outcome}</Badge>,
                },
              ]}
            />
          </Card>
        )
      )}
    </Page>
  );
}
