import { useQueryClient } from '@tanstack/react-query';
import { KeyRound, LogOut } from 'lucide-react';
import { useState } from 'react';
import { keys } from '../app/data.ts';
import { useMoveOn } from '../app/redirect.tsx';
import { plainName } from '../deploy/offers.ts';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Field, Input, TextArea } from '../design/field.tsx';
import { useToast } from '../design/toast.tsx';
import { useConnection } from '../instance/connection.tsx';
import { Fingerprint } from '../instance/encryption-badge.tsx';
import { useThisInstance } from '../pages/server.tsx';
import { useChange } from './ask.ts';
import { sshKeyTrouble } from './handover.ts';
import { AreaPage } from './layout.tsx';

/** The keys of the connection, their renewal, and the way out of our hands. */
export function SecurityArea() {
  const { channelState } = useConnection();
  return (
    <AreaPage title="Security">
      {channelState.status === 'open' && (
        <Card>
          <CardHeader
            title="Encryption"
            hint="Compare these with another device of yours to be sure nobody stands between."
          />
          <dl className="grid gap-4 px-5 py-4 sm:grid-cols-2">
            <Fingerprint
              term="Your server’s key"
              value={channelState.agentFingerprint}
              testId="settings-agent-fingerprint"
            />
            <Fingerprint
              term="This browser’s key"
              value={channelState.deviceFingerprint}
              testId="settings-device-fingerprint"
            />
          </dl>
        </Card>
      )}
      <RotateCard />
      <EjectCard />
    </AreaPage>
  );
}

function RotateCard() {
  const { channelState } = useConnection();
  const toast = useToast();
  const [asking, setAsking] = useState(false);
  const rotate = useChange('keys.rotate', {
    refreshes: ['audit.list'],
    timeoutMs: 120_000,
    onDone: () => {
      setAsking(false);
      toast('Your server has new keys. This browser knows them already.');
    },
  });
  return (
    <Card>
      <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
        <div>
          <h3 className="font-semibold text-base">Renew your server’s keys</h3>
          <p className="mt-0.5 max-w-[46ch] text-muted text-sm">
            Worth doing after somebody had root on it, or when you think a copy of its disk was made.
          </p>
        </div>
        <Button
          variant="secondary"
          disabled={channelState.status !== 'open'}
          onClick={() => setAsking(true)}
          data-testid="rotate-open"
        >
          <KeyRound size={15} aria-hidden /> Renew
        </Button>
      </div>
      <ConfirmDialog
        open={asking}
        title="Renew your server’s keys?"
        hint="It makes new ones and tells them to the devices that are connected, through the encrypted connection."
        confirm="Renew"
        busy={rotate.isPending}
        error={rotate.error}
        onConfirm={() => rotate.mutate({})}
        onClose={() => {
          rotate.reset();
          setAsking(false);
        }}
        testId="rotate"
      >
        <p className="text-muted">
          A device that connects within thirty days learns the new key by itself. One that stays away longer
          has to be linked again.
        </p>
      </ConfirmDialog>
    </Card>
  );
}

function EjectCard() {
  const { channelState } = useConnection();
  const [asking, setAsking] = useState(false);
  return (
    <Card>
      <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
        <div>
          <h3 className="font-semibold text-base">Take this server over</h3>
          <p className="mt-0.5 max-w-[46ch] text-muted text-sm">
            It becomes an ordinary machine of yours that you enter by SSH. Everything of ours leaves it, for
            good.
          </p>
        </div>
        <Button
          variant="critical-quiet"
          disabled={channelState.status !== 'open'}
          onClick={() => setAsking(true)}
          data-testid="eject-open"
        >
          <LogOut size={15} aria-hidden /> Eject
        </Button>
      </div>
      {asking && <EjectDialog onClose={() => setAsking(false)} />}
    </Card>
  );
}

function EjectDialog({ onClose }: { onClose: () => void }) {
  const instance = useThisInstance();
  const queries = useQueryClient();
  const moveOn = useMoveOn();
  const [typed, setTyped] = useState('');
  const [publicKey, setPublicKey] = useState('');
  const badKey = sshKeyTrouble(publicKey);
  const matches = plainName(typed) === plainName(instance.name);
  const eject = useChange('instance.eject', {
    timeoutMs: 5 * 60_000,
    onDone: async () => {
      onClose();
      queries.setQueryData(keys.instance(instance.id), {
        ...instance,
        online: false,
        ejectedAt: new Date().toISOString(),
      });
      await moveOn({ to: '/servers/$instanceId/settings/overview', params: { instanceId: instance.id } });
      await queries.invalidateQueries({ queryKey: keys.instances, exact: true });
    },
  });
  return (
    <ConfirmDialog
      open
      width="md"
      title="Take this server over for good?"
      hint="This can’t be undone: we can’t take a server back."
      confirm="Eject it"
      tone="critical"
      ready={matches && !badKey}
      busy={eject.isPending}
      error={eject.error}
      onConfirm={() => eject.mutate({ publicKey: publicKey.trim(), confirm: 'eject' })}
      onClose={onClose}
      testId="eject"
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <Callout tone="positive" title="What stays">
          OpenClaw goes on running, with its conversations and files. The machine stays in your cloud account,
          and you can still destroy it from here.
        </Callout>
        <Callout tone="caution" title="What stops">
          This dashboard’s chat and settings, updates, backups, support access, health checks. Port 22 opens,
          for your key alone.
        </Callout>
      </div>
      <Field
        label="Your SSH public key"
        hint="The only way in afterwards: make sure that you have its private half."
        error={publicKey !== '' ? badKey : undefined}
      >
        <TextArea
          value={publicKey}
          rows={3}
          maxLength={4000}
          placeholder="ssh-ed25519 AAAA…"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setPublicKey(event.target.value)}
          className="resize-y break-all font-mono text-[0.8125rem]"
          data-testid="eject-key"
        />
      </Field>
      <Field
        label={
          <>
            Type <strong className="font-semibold">{instance.name}</strong> to confirm
          </>
        }
      >
        <Input
          value={typed}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
          data-testid="eject-name"
        />
      </Field>
      {eject.isPending && (
        <p role="status" className="text-muted text-sm">
          {eject.progress.at(-1)?.message ?? 'Handing it over…'}
        </p>
      )}
    </ConfirmDialog>
  );
}
