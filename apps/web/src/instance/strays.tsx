import type { Stray } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { keys, useCredentials, useInstances, useStrays } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { Spinner } from '../design/spinner.tsx';
import { Badge } from '../design/status.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { ago } from './words.ts';

/** Says that something may bill that no server of the list is; nothing where there is nothing. */
export function StraysNotice({ className }: { className?: string }) {
  const count = useStrays().data?.length ?? 0;
  if (count === 0) return null;
  return (
    <Callout
      tone="caution"
      testId="strays-notice"
      title={
        count === 1 ? 'Something was found in your account' : `${count} things were found in your accounts`
      }
      action={
        <ButtonLink to="/found" variant="secondary" size="sm">
          Look at {count === 1 ? 'it' : 'them'}
        </ButtonLink>
      }
      {...(className ? { className } : {})}
    >
      {count === 1
        ? 'It bears our tag and belongs to none of your servers. Your cloud may bill it.'
        : 'They bear our tag and belong to none of your servers. Your cloud may bill them.'}
    </Callout>
  );
}

/** What a sweep has found, with what can be done about each. */
export function StrayList({ strays, titled = true }: { strays: readonly Stray[]; titled?: boolean }) {
  const { api } = useOwner();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<Stray | null>(null);
  const deletion = useMutation({
    mutationFn: (id: string) => api.deleteStray(id),
    onSuccess: async () => {
      setAsking(null);
      await queries.invalidateQueries({ queryKey: keys.strays });
    },
  });
  return (
    <Card data-testid="strays">
      {titled && (
        <CardHeader
          title="Found in your account"
          hint="It bears our tag and belongs to no server of yours. Only what a record of ours names exactly can be deleted from here."
        />
      )}
      <ul>
        {strays.map((stray) => (
          <StrayRow key={stray.id} stray={stray} onDelete={() => setAsking(stray)} />
        ))}
      </ul>
      <ConfirmDialog
        open={asking !== null}
        title={`Delete this ${asking ? kindWords(asking) : ''}?`}
        hint="It is deleted in your cloud account, with what is on it. That can’t be undone."
        confirm="Delete"
        cancel="Keep it"
        tone="critical"
        busy={deletion.isPending}
        error={deletion.error}
        onConfirm={() => asking && deletion.mutate(asking.id)}
        onClose={() => {
          deletion.reset();
          setAsking(null);
        }}
        testId="stray-delete"
      >
        {asking && (
          <p className="break-all rounded-lg bg-sunken px-3.5 py-2.5 font-mono text-xs">
            {asking.name} · {asking.resourceId}
          </p>
        )}
      </ConfirmDialog>
    </Card>
  );
}

const kindWords = ({ kind }: Stray): string => kind.replaceAll('_', ' ');

function StrayRow({ stray, onDelete }: { stray: Stray; onDelete: () => void }) {
  const credential = useCredentials().data?.find(({ id }) => id === stray.credentialId);
  const former = useInstances().data?.find(({ id }) => id === stray.instanceId);
  return (
    <li
      className="border-line border-b px-5 py-4 last:border-0"
      data-testid="stray"
      data-deletable={stray.deletable}
    >
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-medium capitalize">{kindWords(stray)}</span>
            <span className="min-w-0 break-all font-mono text-muted text-xs">{stray.name}</span>
            {!stray.deletable && <Badge>No record of ours</Badge>}
          </p>
          <p className="mt-1 text-muted text-sm">
            {former ? (
              <>
                Of the destroyed server{' '}
                <Link
                  to="/servers/$instanceId"
                  params={{ instanceId: former.id }}
                  className="underline decoration-line-strong underline-offset-4 hover:text-ink"
                >
                  {former.name}
                </Link>
              </>
            ) : (
              <span className="break-all">Tagged {stray.tag}</span>
            )}
            {credential && ` · in ${credential.account?.label ?? credential.name}`}
            {stray.createdAt && ` · made ${ago(stray.createdAt)}`} · seen {ago(stray.seenAt)}
          </p>
          {!stray.deletable && (
            <p className="mt-1 text-muted text-sm">
              We don’t know it, so we don’t touch it. If you don’t either, delete it at your cloud.
            </p>
          )}
          {stray.consoleUrl !== null && (
            <ExternalLink href={stray.consoleUrl} className="mt-1.5">
              Open it in your cloud’s console
            </ExternalLink>
          )}
        </div>
        {stray.deleteAskedAt !== null && stray.failure === null ? (
          <span className="inline-flex items-center gap-2 text-muted text-sm">
            <Spinner /> Being deleted
          </span>
        ) : (
          stray.deletable && (
            <Button variant="critical-quiet" size="sm" onClick={onDelete} data-testid="stray-delete-open">
              <Trash2 size={14} aria-hidden /> Delete
            </Button>
          )
        )}
      </div>
      {stray.failure && <FailureNotice failure={stray.failure} tone="caution" className="mt-3" />}
    </li>
  );
}
