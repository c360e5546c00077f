import { KeyRound, Laptop, Pencil, Plus, Smartphone } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Field, Input } from '../design/field.tsx';
import { Badge } from '../design/status.tsx';
import { useToast } from '../design/toast.tsx';
import { ago } from '../instance/words.ts';
import { type Answer, useAnswer, useChange } from './ask.ts';
import { InviteDialog } from './invite-dialog.tsx';
import { Answers, AreaPage } from './layout.tsx';
import { moment } from './words.ts';

type Device = Answer<'devices.list'>['devices'][number];

/** Every key that opens this server, and the way to add one or take one away. */
export function DevicesArea() {
  const list = useAnswer('devices.list', {});
  const [linking, setLinking] = useState(false);
  return (
    <AreaPage
      title="Devices"
      hint="Only these can read your chats and give your server orders. The list is your server’s own; we can’t add to it."
    >
      <Card>
        <CardHeader
          title="May open this server"
          action={
            <Button size="sm" onClick={() => setLinking(true)} data-testid="invite-open">
              <Plus size={15} aria-hidden /> Link a browser
            </Button>
          }
        />
        <Answers query={list} label="Asking which devices there are">
          {({ devices }) => (
            <ul className="divide-y divide-line">
              {devices.map((device) => (
                <DeviceRow key={device.publicKey} device={device} />
              ))}
            </ul>
          )}
        </Answers>
      </Card>
      {linking && <InviteDialog onClose={() => setLinking(false)} />}
    </AreaPage>
  );
}

function DeviceRow({ device }: { device: Device }) {
  const [asking, setAsking] = useState<'rename' | 'revoke' | null>(null);
  const recovery = device.kind === 'recovery';
  const Icon = recovery ? KeyRound : /phone|android/i.test(device.name) ? Smartphone : Laptop;
  return (
    <li
      className="flex flex-wrap items-center gap-x-4 gap-y-2 px-5 py-3.5"
      data-testid="device"
      data-kind={device.kind}
    >
      <Icon size={18} aria-hidden className="shrink-0 text-faint" />
      <div className="min-w-0 flex-1 basis-48">
        <p className="flex flex-wrap items-center gap-2">
          <span className="break-words font-medium" data-testid="device-name">
            {recovery ? 'Recovery code' : device.name}
          </span>
          {device.current && <Badge tone="positive">this browser</Badge>}
        </p>
        <p className="mt-0.5 text-muted text-sm">
          {device.lastSeenAt
            ? `Last seen ${ago(device.lastSeenAt)}`
            : recovery
              ? 'On paper; never used'
              : 'Not seen yet'}
          {device.addedAt && <span className="text-faint"> · added {moment(device.addedAt)}</span>}
        </p>
      </div>
      <div className="flex gap-1.5">
        {!recovery && (
          <Button
            variant="ghost"
            size="icon"
            aria-label={`Rename ${device.name}`}
            onClick={() => setAsking('rename')}
            data-testid="device-rename"
          >
            <Pencil size={15} aria-hidden />
          </Button>
        )}
        {!device.current && (
          <Button
            variant="critical-quiet"
            size="sm"
            onClick={() => setAsking('revoke')}
            data-testid="device-revoke"
          >
            Revoke
          </Button>
        )}
      </div>
      <RenameDialog open={asking === 'rename'} device={device} onClose={() => setAsking(null)} />
      <RevokeDialog open={asking === 'revoke'} device={device} onClose={() => setAsking(null)} />
    </li>
  );
}

function RenameDialog({ open, device, onClose }: { open: boolean; device: Device; onClose: () => void }) {
  const [typed, setTyped] = useState(device.name);
  const rename = useChange('devices.rename', { refreshes: ['devices.list'], onDone: onClose });
  return (
    <ConfirmDialog
      open={open}
      title="Rename this device"
      confirm="Rename"
      ready={typed.trim() !== ''}
      busy={rename.isPending}
      error={rename.error}
      onConfirm={() => rename.mutate({ publicKey: device.publicKey, name: typed.trim() })}
      onClose={() => {
        rename.reset();
        setTyped(device.name);
        onClose();
      }}
      testId="rename"
    >
      <Field label="Name" error={typed.trim() === '' ? 'Enter a name.' : undefined}>
        <Input
          value={typed}
          maxLength={64}
          autoComplete="off"
          onChange={(event) => setTyped(event.target.value)}
          data-testid="rename-name"
        />
      </Field>
    </ConfirmDialog>
  );
}

function RevokeDialog({ open, device, onClose }: { open: boolean; device: Device; onClose: () => void }) {
  const toast = useToast();
  const recovery = device.kind === 'recovery';
  const revoke = useChange('devices.revoke', {
    refreshes: ['devices.list', 'audit.list'],
    onDone: () => {
      toast(recovery ? 'The recovery code no longer opens this server.' : `${device.name} is out.`);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      open={open}
      title={recovery ? 'Revoke the recovery code?' : `Revoke ${device.name}?`}
      hint={
        recovery
          ? 'If every browser of yours is lost afterwards, nobody can open this server any more.'
          : 'Its connection is cut at once, and its key opens this server no more. To come back it has to be linked again.'
      }
      confirm="Revoke"
      tone="critical"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ publicKey: device.publicKey })}
      onClose={() => {
        revoke.reset();
        onClose();
      }}
      testId="revoke"
    >
      {!recovery && (
        <p className="text-muted text-sm">
          What it has read stays read: if it was stolen, change the keys of your model providers too.
        </p>
      )}
    </ConfirmDialog>
  );
}
