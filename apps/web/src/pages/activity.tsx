import type { AuditEvent } from '@claw-cloud/contracts';
import { History } from 'lucide-react';
import { auditWords } from '../app/audit-words.ts';
import { useAudit, useCredentials, useInstances } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
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
  const { ownerId } = useOwner();
  const instances = useInstances();
  const credentials = useCredentials();
  const names = new Map(
    [...(instances.data ?? []), ...(credentials.data ?? [])].map(({ id, name }) => [id, name]),
  );
  const nameOf = (id: string) => names.get(id);
  const actorOf = (actor: string) => (actor === ownerId ? 'You' : (nameOf(actor) ?? actor));
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
                  cell: (event) => <span title={event.action}>{auditWords(event.action)}</span>,
                  className: 'whitespace-nowrap',
                },
                {
                  head: 'On',
                  cell: (event) => (
                    <span title={event.target} className={nameOf(event.target) ? '' : 'font-mono text-xs'}>
                      {nameOf(event.target) ?? event.target}
                    </span>
                  ),
                  className: 'max-w-56 truncate',
                },
                {
                  head: 'By',
                  cell: (event) => <span title={event.actor}>{actorOf(event.actor)}</span>,
                  className: 'max-w-44 truncate text-muted',
                },
                {
                  head: 'Outcome',
                  cell: (event) => (
                    <span className="inline-flex items-center gap-2">
                      <Badge tone={tones[event.outcome]}>{event.outcome}</Badge>
                      {typeof event.detail.code === 'string' && (
                        <span className="font-mono text-2xs text-faint">{event.detail.code}</span>
                      )}
                    </span>
                  ),
                },
              ]}
            />
          </Card>
        )
      )}
    </Page>
  );
}
