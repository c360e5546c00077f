import { useMutation } from '@tanstack/react-query';
import { Archive, Download, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Progress } from '../design/meter.tsx';
import { Badge } from '../design/status.tsx';
import { useToast } from '../design/toast.tsx';
import { useConnection } from '../instance/connection.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { useThisInstance } from '../pages/server.tsx';
import { type Answer, notConnected, useAnswer, useChange } from './ask.ts';
import { openBackup, openSink } from './backup-transfer.ts';
import { Answers, AreaPage, needsMachine } from './layout.tsx';
import { recipientsOf } from './recipients.ts';
import { RestoreCard } from './restore-card.tsx';
import { bytes, moment } from './words.ts';

type Backup = Answer<'backup.list'>['backups'][number];

/** Copies of everything the assistant knows: made on the server, opened in this browser alone. */
export function BackupsArea() {
  const { channelState } = useConnection();
  const list = useAnswer('backup.list', {});
  const devices = useAnswer('devices.list', {});
  const toast = useToast();
  const create = useChange('backup.create', {
    refreshes: ['backup.list'],
    timeoutMs: 10 * 60_000,
    onDone: () => toast('The backup is made.'),
  });
  const recipients = recipientsOf(devices.data?.devices ?? []);
  const last = create.progress.at(-1);
  return (
    <AreaPage
      title="Backups"
      hint="Conversations, memory, files and settings of the assistant. Your server encrypts them to your own keys before they leave it."
    >
      {needsMachine(list.error) ? (
        <Answers query={list} label="">
          {() => null}
        </Answers>
      ) : (
        <>
          <Card>
            <CardHeader
              title="On your server"
              hint="A backup there does not outlive the server: download it to keep it."
              action={
                <Button
                  size="sm"
                  busy={create.isPending}
                  disabled={channelState.status !== 'open' || recipients.length === 0}
                  onClick={() => create.mutate({ recipients })}
                  data-testid="backup-create"
                >
                  {!create.isPending && <Archive size={15} aria-hidden />} Back up now
                </Button>
              }
            />
            {create.isPending && last && (
              <div className="border-line border-b px-5 py-3.5" data-testid="backup-progress">
                <p className="mb-2 text-muted text-sm">{last.message}</p>
                <Progress fraction={last.fraction ?? 0} label="Backup" />
              </div>
            )}
            {create.error !== null && <ErrorNotice trouble={troubleOf(create.error)} className="mx-5 mt-4" />}
            <Answers query={list} label="Asking which backups there are" rows={1}>
              {({ backups }) =>
                backups.length === 0 ? (
                  <div className="p-5">
                    <EmptyState icon={<Archive size={20} aria-hidden />} title="No backup yet">
                      Making one takes a minute, and the assistant goes on answering.
                    </EmptyState>
                  </div>
                ) : (
                  <ul className="divide-y divide-line">
                    {backups.map((backup) => (
                      <BackupRow key={backup.id} backup={backup} />
                    ))}
                  </ul>
                )
              }
            </Answers>
          </Card>
          <RestoreCard />
        </>
      )}
    </AreaPage>
  );
}

function BackupRow({ backup }: { backup: Backup }) {
  const instance = useThisInstance();
  const { keyring } = useOwner();
  const { connection } = useConnection();
  const toast = useToast();
  const [fraction, setFraction] = useState(0);
  const [deleting, setDeleting] = useState(false);
  const left = useRef(false);
  // Whoever leaves the page does not want the rest of it.
  useEffect(
    () => () => {
      left.current = true;
    },
    [],
  );
  const remove = useChange('backup.delete', { refreshes: ['backup.list'], onDone: () => setDeleting(false) });
  const download = useMutation({
    mutationFn: async () => {
      const name = `openclaw-${plainFile(instance.name)}-${backup.at.slice(0, 10)}.tar.gz`;
      if (!connection) throw notConnected();
      const sink = await openSink(name);
      if (!sink) return false;
      setFraction(0);
      try {
        const [{ downloadBackup }, keys] = await Promise.all([loadOwnerClient(), keyring()]);
        const pieces = downloadBackup(connection.channel, backup, setFraction);
        for await (const plain of openBackup(pieces, { keyring: keys, instanceId: instance.id })) {
          if (left.current) throw new DOMException('The page was left.', 'AbortError');
          await sink.write(plain);
        }
      } catch (error) {
        await sink.abandon();
        throw error;
      }
      await sink.finish();
      return true;
    },
    onSuccess: (saved) => {
      if (saved) toast('The backup is saved, decrypted. Keep it where nobody else reads it.');
    },
  });
  return (
    <li className="px-5 py-3.5" data-testid="backup">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-48">
          <p className="flex flex-wrap items-center gap-2 font-medium">
            {moment(backup.at)}
            {backup.why === 'update' && <Badge>before an update</Badge>}
          </p>
          <p className="mt-0.5 text-muted text-sm">
            {bytes(backup.bytes)} · OpenClaw {backup.openclawVersion} · opens with{' '}
            {backup.recipients.length === 1 ? 'one key' : `${backup.recipients.length} keys`} of yours
          </p>
        </div>
        <div className="flex gap-2">
          <Button
            variant="secondary"
            size="sm"
            busy={download.isPending}
            onClick={() => download.mutate()}
            data-testid="backup-download"
          >
            {!download.isPending && <Download size={14} aria-hidden />} Download
          </Button>
          <Button
            variant="critical-quiet"
            size="sm"
            aria-label={`Delete the backup of ${moment(backup.at)}`}
            onClick={() => setDeleting(true)}
            data-testid="backup-delete"
          >
            <Trash2 size={14} aria-hidden />
          </Button>
        </div>
      </div>
      {download.isPending && (
        <div className="mt-3">
          <Progress fraction={fraction} label="Download" />
        </div>
      )}
      {download.error !== null && <ErrorNotice trouble={troubleOf(download.error)} className="mt-3" />}
      <ConfirmDialog
        open={deleting}
        title="Delete this backup?"
        hint="It is deleted from your server. What you have downloaded stays."
        confirm="Delete"
        tone="critical"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ backupId: backup.id })}
        onClose={() => {
          remove.reset();
          setDeleting(false);
        }}
        testId="backup-delete-dialog"
      />
    </li>
  );
}

/** A name as every system takes it in a file's name. */
const plainFile = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'server';
