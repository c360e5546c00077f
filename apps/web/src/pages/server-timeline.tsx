import { MessageSquare, Power, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { isMoving, useReceipt } from '../app/data.ts';
import { useMoveOn } from '../app/redirect.tsx';
import { useIsSandbox, useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { money } from '../design/price-tag.tsx';
import { DestroyDialog } from '../instance/destroy-dialog.tsx';
import { useInstanceEvents } from '../instance/events.ts';
import { ReceiptView } from '../instance/receipt.tsx';
import { TimelineView } from '../instance/timeline-view.tsx';
import { duration, soon } from '../instance/words.ts';
import { useThisInstance } from './server.tsx';

/** How long the finished timeline is left in sight before the chat opens by itself. */
const admireMs = 1_400;

/** What happened to a server and what is happening now; goes on to the chat when a deploy ends under one's eyes. */
export function ServerTimelinePage() {
  const instance = useThisInstance();
  const owner = useOwner();
  const { events, connected, error } = useInstanceEvents(instance.id);
  const receipt = useReceipt(instance.id, instance.state === 'destroyed');
  const [destroying, setDestroying] = useState(false);
  const moveOn = useMoveOn();
  const wasMoving = useRef(false);
  // Whoever stops, resizes or repairs a server looks at that, and not for the chat.
  if (isMoving(instance) && (instance.readyAt === null || instance.state === 'starting'))
    wasMoving.current = true;
  const ready = instance.state === 'ready' && instance.ejectedAt === null;

  useEffect(() => {
    if (!ready || !wasMoving.current) return;
    const timer = setTimeout(
      () => void moveOn({ to: '/servers/$instanceId/chat', params: { instanceId: instance.id } }),
      admireMs,
    );
    return () => clearTimeout(timer);
  }, [ready, instance.id, moveOn]);

  const gone = instance.state === 'destroyed';
  useEffect(() => {
    // Keys of a server that is no more are of no use to anybody.
    if (gone)
      owner
        .keyring()
        .then((keyring) => keyring.forget(instance.id))
        .catch(() => undefined);
  }, [gone, owner, instance.id]);

  return (
    <Page>
      <div className="grid items-start gap-8 lg:grid-cols-[minmax(0,1fr)_19rem]">
        <div className="flex flex-col gap-8">
          {receipt.data && <ReceiptView receipt={receipt.data} />}
          {receipt.error !== null && <ErrorNotice trouble={troubleOf(receipt.error)} tone="caution" />}
          {error !== undefined && <ErrorNotice trouble={troubleOf(error)} tone="caution" />}
          {instance.state === 'failed' && instance.retryAt !== null && (
            <Callout
              tone="caution"
              testId="retry"
              title={`It is tried again by itself ${soon(instance.retryAt)}`}
            >
              What may be left in your cloud account is cleared as soon as the cloud allows it. This server
              stays in your list until then.
            </Callout>
          )}
          <Card className="p-6">
            <TimelineView instance={instance} events={events} />
          </Card>
          {!connected && error === undefined && (
            <p role="status" className="text-faint text-sm">
              The live view was interrupted and is being taken up again. The work itself goes on.
            </p>
          )}
        </div>
        <aside className="flex flex-col gap-4 lg:sticky lg:top-20">
          <Facts />
          {ready && (
            <ButtonLink to="/servers/$instanceId/chat" params={{ instanceId: instance.id }}>
              <MessageSquare size={16} aria-hidden /> Open the chat
            </ButtonLink>
          )}
          {instance.state === 'stopped' && (
            <ButtonLink to="/servers/$instanceId/settings/machine" params={{ instanceId: instance.id }}>
              <Power size={15} aria-hidden /> Start it again
            </ButtonLink>
          )}
          {instance.state === 'failed' && (
            <>
              <Button variant="critical" onClick={() => setDestroying(true)} data-testid="destroy-open">
                <Trash2 size={15} aria-hidden />{' '}
                {instance.retryAt === null ? 'Destroy and clean up' : 'Destroy now'}
              </Button>
              <ButtonLink to="/deploy" search={{ credential: instance.credentialId }} variant="secondary">
                Deploy another
              </ButtonLink>
            </>
          )}
          {instance.state === 'destroyed' && (
            <ButtonLink to="/deploy" variant="secondary">
              Deploy another
            </ButtonLink>
          )}
        </aside>
      </div>
      <DestroyDialog open={destroying} instance={instance} onClose={() => setDestroying(false)} />
    </Page>
  );
}

function Facts() {
  const instance = useThisInstance();
  const took = instance.readyAt ? Date.parse(instance.readyAt) - Date.parse(instance.createdAt) : null;
  const lines: [term: string, value: string][] = [
    ['Region', instance.region],
    ['Size', instance.size],
    ...(instance.monthlyPrice !== null && instance.currency !== null
      ? [['Price', `${money(instance.monthlyPrice, instance.currency)} a month`] as [string, string]]
      : []),
    [
      'Asked for',
      new Date(instance.createdAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
    ],
    ...(took !== null ? [['Ready after', duration(took)] as [string, string]] : []),
    ...(instance.destroyedAt !== null
      ? [
          [
            'Destroyed',
            new Date(instance.destroyedAt).toLocaleString(undefined, {
              dateStyle: 'medium',
              timeStyle: 'short',
            }),
          ] as [string, string],
        ]
      : []),
  ];
  const sandbox = useIsSandbox(instance.provider);
  return (
    <Card className="p-5">
      <dl className="flex flex-col gap-2.5 text-sm">
        {lines.map(([term, value]) => (
          <div key={term} className="flex items-baseline justify-between gap-4">
            <dt className="text-muted">{term}</dt>
            <dd className="text-right tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {instance.consoleUrl !== null && !sandbox && (
        <ExternalLink href={instance.consoleUrl} className="mt-3.5">
          Open it in your cloud’s console
        </ExternalLink>
      )}
    </Card>
  );
}
