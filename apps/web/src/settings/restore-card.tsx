import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Upload } from 'lucide-react';
import { type ChangeEvent, useRef, useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Checkbox } from '../design/field.tsx';
import { Progress } from '../design/meter.tsx';
import { useToast } from '../design/toast.tsx';
import { useConnection } from '../instance/connection.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { useThisInstance } from '../pages/server.tsx';
import { notConnected } from './ask.ts';
import { archiveOf, restoreLimitBytes } from './backup-transfer.ts';
import { bytes } from './words.ts';

/** Puts a backup back, in two steps: a file is chosen and opened, then its owner says yes to what follows. */
export function RestoreCard() {
  const instance = useThisInstance();
  const { keyring } = useOwner();
  const { channelState } = useConnection();
  const input = useRef<HTMLInputElement>(null);
  const choose = useMutation({
    mutationFn: async (file: File) => {
      const unfit =
        file.size === 0
          ? 'It is empty. Choose the file that was downloaded.'
          : file.size > restoreLimitBytes
            ? `It is larger than ${bytes(restoreLimitBytes)}.`
            : null;
      if (unfit !== null) {
        const message = 'This file can’t be a backup that is put back here.';
        throw Object.assign(new Error(message), { code: 'file_unfit', fix: unfit });
      }
      const archive = await archiveOf(file, { keyring: await keyring(), instanceId: instance.id });
      return { archive, name: file.name, size: file.size };
    },
  });
  const onFile = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file) choose.mutate(file);
    // The same file can be chosen again after a failure.
    event.target.value = '';
  };
  return (
    <Card>
      <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
        <div>
          <h3 className="font-semibold text-base">Put a backup back</h3>
          <p className="mt-0.5 max-w-[46ch] text-muted text-sm">
            From a file you have downloaded. Your server tries it out before anything changes.
          </p>
        </div>
        <Button
          variant="secondary"
          busy={choose.isPending}
          disabled={channelState.status !== 'open'}
          onClick={() => input.current?.click()}
          data-testid="restore-open"
        >
          {!choose.isPending && <Upload size={15} aria-hidden />} Choose a file
        </Button>
        <input
          ref={input}
          type="file"
          onChange={onFile}
          aria-label="The file of a backup"
          tabIndex={-1}
          className="sr-only"
          data-testid="restore-file"
        />
      </div>
      {choose.error !== null && <ErrorNotice trouble={troubleOf(choose.error)} className="mx-5 mb-5" />}
      {choose.data && <RestoreDialog chosen={choose.data} onClose={choose.reset} />}
    </Card>
  );
}

interface Chosen {
  readonly archive: Awaited<ReturnType<typeof archiveOf>>;
  readonly name: string;
  readonly size: number;
}

function RestoreDialog({ chosen, onClose }: { chosen: Chosen; onClose: () => void }) {
  const instance = useThisInstance();
  const { connection } = useConnection();
  const queries = useQueryClient();
  const toast = useToast();
  const [understood, setUnderstood] = useState(false);
  const [far, setFar] = useState<{ fraction: number; words: string }>();
  const restore = useMutation({
    mutationFn: async () => {
      if (!connection) throw notConnected();
      const { restoreBackup } = await loadOwnerClient();
      return restoreBackup(connection.channel, chosen.archive, {
        onFraction: (fraction) => setFar({ fraction: fraction / 2, words: 'Sending it, encrypted' }),
        onProgress: ({ fraction = 0.5, message }) => setFar({ fraction: 0.5 + fraction / 2, words: message }),
      });
    },
    onSuccess: () => {
      onClose();
      toast('The backup is put back.');
    },
    // Everything the server told may be another now.
    onSettled: () => queries.invalidateQueries({ queryKey: ['owner', instance.id] }),
  });
  return (
    <ConfirmDialog
      open
      title="Put this backup back?"
      hint={`${chosen.name}, ${bytes(chosen.size)}`}
      confirm="Put it back"
      tone="critical"
      ready={understood}
      busy={restore.isPending}
      error={restore.error}
      onConfirm={() => restore.mutate()}
      onClose={onClose}
      testId="restore"
    >
      <Callout tone="caution" title="What the assistant knows now is replaced">
        Conversations, memory and settings become those of the backup. What is there now is set aside, and one
        click under Updates brings it back. The assistant is away for about half a minute; if the backup does
        not work, everything stays as it is.
      </Callout>
      <Checkbox
        checked={understood}
        disabled={restore.isPending}
        onChange={(event) => setUnderstood(event.target.checked)}
        data-testid="restore-understood"
      >
        Replace what is on my server
      </Checkbox>
      {restore.isPending && (
        <div role="status">
          <p className="mb-2 text-muted text-sm">{far?.words ?? 'Reading it'}…</p>
          <Progress fraction={far?.fraction ?? 0} label="Putting the backup back" />
        </div>
      )}
    </ConfirmDialog>
  );
}
