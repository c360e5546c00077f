import { useEffect, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Badge, StatusDot } from '../design/status.tsx';
import { type Answer, useChange } from './ask.ts';
import { RecordingDialog } from './recording.tsx';
import { bytes, countdown, moment, span } from './words.ts';

type Grant = Answer<'support.list'>['grants'][number];

/** Ticks once a second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Somebody who may enter right now: how long still, whether they are in, and the end of it. */
export function ActiveGrant({ grant }: { grant: Grant }) {
  const now = useNow();
  const [asking, setAsking] = useState(false);
  const revoke = useChange('support.revoke', {
    refreshes: ['support.list', 'audit.list'],
    onDone: () => setAsking(false),
  });
  const left = Date.parse(grant.endsAt) - now;
  const inside = grant.sessions.filter(({ endedAt }) => endedAt === null).length;
  const close = left < 5 * 60_000;
  return (
    <Card className="border-accent/40" data-testid="grant-active" data-grant={grant.id}>
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3 px-5 py-4">
        <div className="min-w-0 flex-1 basis-52">
          <p className="flex flex-wrap items-center gap-2 font-medium">
            <StatusDot tone="accent" live />
            {grant.name}
            {grant.root && <Badge tone="caution">root</Badge>}
            {inside > 0 && <Badge tone="accent">inside now</Badge>}
          </p>
          <p className="mt-1 break-all font-mono text-faint text-xs">{grant.keyFingerprint}</p>
        </div>
        <div className="text-right">
          <p
            className={`font-semibold text-xl tabular-nums ${close ? 'text-caution-ink' : ''}`}
            data-testid="grant-left"
          >
            <span aria-hidden>{countdown(left)}</span>
            <span className="sr-only">ends at {moment(grant.endsAt)}</span>
          </p>
          <p className="text-faint text-xs">until {moment(grant.endsAt)}</p>
        </div>
        <Button variant="critical-quiet" onClick={() => setAsking(true)} data-testid="grant-revoke">
          End it now
        </Button>
      </div>
      {grant.sessions.length > 0 && <Sessions grant={grant} />}
      <ConfirmDialog
        open={asking}
        title={`End ${grant.name}’s access?`}
        hint="Within two seconds they are out, whatever they are doing, and can’t come back."
        confirm="End it"
        tone="critical"
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() => revoke.mutate({ grantId: grant.id })}
        onClose={() => {
          revoke.reset();
          setAsking(false);
        }}
        testId="grant-revoke-dialog"
      />
    </Card>
  );
}

const endings = {
  expired: 'its time was over',
  revoked: 'you ended it',
  rebooted: 'the server was restarted',
};

/** Who was let in before. */
export function PastGrants({ grants }: { grants: readonly Grant[] }) {
  if (grants.length === 0) return null;
  return (
    <Card>
      <CardHeader title="Who was let in before" />
      <ul className="divide-y divide-line">
        {grants.slice(0, 50).map((grant) => (
          <li key={grant.id} data-testid="grant-past" data-grant={grant.id}>
            <div className="px-5 py-3.5">
              <p className="flex flex-wrap items-center gap-2">
                <span className="font-medium">{grant.name}</span>
                {grant.root && <Badge tone="caution">root</Badge>}
              </p>
              <p className="mt-0.5 text-muted text-sm">
                {moment(grant.startsAt)}, for{' '}
                {span((Date.parse(grant.endedAt ?? grant.endsAt) - Date.parse(grant.startsAt)) / 1000)}
                {grant.endedWhy && `; ${endings[grant.endedWhy]}`}.
                {grant.sessions.length === 0 && ' They did not enter.'}
              </p>
            </div>
            {grant.sessions.length > 0 && <Sessions grant={grant} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Sessions({ grant }: { grant: Grant }) {
  const [shown, setShown] = useState<string | null>(null);
  return (
    <ul className="flex flex-col gap-1 border-line border-t bg-sunken/50 px-5 py-2.5">
      {grant.sessions.map(({ session, startedAt, endedAt, bytes: size }) => (
        <li key={session} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 text-sm">
          <span className="text-muted">
            Inside from {moment(startedAt)}
            {endedAt ? `, ${span((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)}` : ', until now'}
          </span>
          <Button variant="ghost" size="sm" onClick={() => setShown(session)} data-testid="recording-open">
            Watch <span className="text-faint">{bytes(size)}</span>
          </Button>
        </li>
      ))}
      {shown !== null && <RecordingDialog grant={grant} session={shown} onClose={() => setShown(null)} />}
    </ul>
  );
}
