import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { CopyButton } from '../design/code-block.tsx';
import { Dialog } from '../design/dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { QrCode } from '../design/qr-code.tsx';
import { Skeleton } from '../design/skeleton.tsx';
import { useConnection } from '../instance/connection.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { useThisInstance } from '../pages/server.tsx';
import { countdown } from './words.ts';

/** Shows a code that lets one more browser in, until it was used or its time is over. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { api, keyring } = useOwner();
  const { id } = useThisInstance();
  const { connection } = useConnection();
  const [added, setAdded] = useState<string | null>(null);
  const [now, setNow] = useState(Date.now);
  const invite = useMutation({
    mutationFn: async () => {
      const [{ inviteDevice }, keys] = await Promise.all([loadOwnerClient(), keyring()]);
      return inviteDevice({
        baseUrl: window.location.origin,
        api,
        keyring: keys,
        connectionOf: (instanceId) => (instanceId === id ? connection?.channel : undefined),
      });
    },
    onSuccess: () => setNow(Date.now()),
  });
  const { mutate } = invite;
  // A code is made for the dialog that shows it, and asked for once.
  useEffect(() => mutate(), [mutate]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  useEffect(
    () => connection?.channel.onNotice((notice) => notice.kind === 'device_added' && setAdded(notice.name)),
    [connection],
  );
  const left = invite.data ? invite.data.expiresAt.getTime() - now : 0;
  const missed = invite.data?.outcomes.filter(({ problem }) => problem !== null) ?? [];
  return (
    <Dialog
      open
      onClose={onClose}
      title={added ? 'It is linked' : 'Link another browser'}
      hint={
        added
          ? undefined
          : 'Sign in there, and scan this, or choose “Link this browser” and enter the code. Show it to nobody else: whoever has it first gets in.'
      }
      footer={
        <Button variant={added ? 'primary' : 'secondary'} onClick={onClose} data-testid="invite-close">
          {added ? 'Done' : 'Close'}
        </Button>
      }
    >
      {added !== null ? (
        <Callout tone="positive" title={`${added} may open your servers now`} testId="invite-added">
          If that is not the browser you have just linked, revoke it.
        </Callout>
      ) : invite.error !== null ? (
        <ErrorNotice
          trouble={troubleOf(invite.error)}
          action={
            <Button variant="secondary" size="sm" onClick={() => invite.mutate()}>
              Try again
            </Button>
          }
        />
      ) : !invite.data ? (
        <Skeleton className="mx-auto size-52" />
      ) : left <= 0 ? (
        <Callout
          tone="caution"
          title="This code’s time is over"
          action={
            <Button size="sm" onClick={() => invite.mutate()}>
              Show a new code
            </Button>
          }
        />
      ) : (
        <div className="flex flex-col items-center gap-4">
          <QrCode
            text={invite.data.link}
            label="A code to scan with the other device’s camera"
            className="size-52 rounded-lg border border-line"
          />
          <div className="flex w-full items-start gap-1 rounded-lg border border-line bg-sunken px-4 py-3">
            <p
              className="grid min-w-0 flex-1 select-all grid-cols-3 justify-items-center gap-y-1 pl-7 font-mono text-base tracking-[0.04em]"
              data-testid="invite-code"
            >
              {invite.data.code.split('-').map((group, index, groups) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: groups of one code never change places.
                <span key={index}>
                  {group}
                  {index < groups.length - 1 && <span className="text-faint">-</span>}
                </span>
              ))}
            </p>
            <CopyButton text={invite.data.code} label="Copy the code" />
          </div>
          <p className="text-muted text-sm tabular-nums" data-testid="invite-left">
            Good for {countdown(left)}, once for each of your servers.
          </p>
          {missed.length > 0 && (
            <Callout tone="caution" title="Not for every server">
              {missed.map(({ name }) => name).join(', ')} could not be told; link it again when it is
              connected.
            </Callout>
          )}
        </div>
      )}
    </Dialog>
  );
}
