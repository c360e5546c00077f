import { Link } from '@tanstack/react-router';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';
import { useCredentials } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { CredentialStateBadge } from '../credentials/state.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Field, Select } from '../design/field.tsx';
import { useOrder, useWorkUnderWay } from '../instance/operation.ts';
import { isChanging } from '../instance/words.ts';
import { useThisInstance } from '../pages/server.tsx';

/** Which credential this server is looked after with, and the way to another of the same account. */
export function CredentialCard() {
  const instance = useThisInstance();
  const { api } = useOwner();
  const credentials = useCredentials();
  const working = useWorkUnderWay() !== undefined || isChanging(instance);
  const [open, setOpen] = useState(false);
  const [picked, setPicked] = useState<string>();
  const all = credentials.data ?? [];
  const now = all.find(({ id }) => id === instance.credentialId);
  const others = all.filter(
    ({ id, provider, state }) =>
      id !== instance.credentialId && provider === instance.provider && state === 'ready',
  );
  const chosen = others.find(({ id }) => id === picked) ?? others[0];
  const order = useOrder(
    (credentialId: string) => api.replaceCredential(instance.id, credentialId),
    () => setOpen(false),
  );
  const possible = ['ready', 'stopped', 'failed'].includes(instance.state);
  return (
    <Card data-testid="server-credential">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 px-5 py-4">
        <KeyRound size={16} aria-hidden className="text-muted" />
        <div className="min-w-0 flex-1">
          <h3 className="flex flex-wrap items-center gap-x-2.5 gap-y-1 font-semibold text-base">
            {now ? (
              <Link
                to="/credentials/$credentialId"
                params={{ credentialId: now.id }}
                className="truncate hover:underline"
              >
                {now.name}
              </Link>
            ) : (
              'Its credential'
            )}
            {now && <CredentialStateBadge credential={now} />}
          </h3>
          <p className="mt-0.5 text-muted text-sm">
            {now?.account ? `Looked after as ${now.account.label}.` : 'What it is looked after with.'}
          </p>
        </div>
        {others.length > 0 ? (
          <Button
            variant="secondary"
            size="sm"
            disabled={working || !possible}
            onClick={() => setOpen(true)}
            data-testid="credential-replace"
          >
            Use another
          </Button>
        ) : (
          <ButtonLink
            to="/credentials/new"
            search={{ cloud: instance.provider }}
            variant="secondary"
            size="sm"
          >
            Add another
          </ButtonLink>
        )}
      </div>
      <ConfirmDialog
        open={open}
        title="Look after it with another credential"
        hint="For one that was replaced at your cloud. It is tried first: only when its account has this server is it used from then on."
        confirm="Try it"
        ready={chosen !== undefined}
        busy={order.isPending}
        error={order.error}
        onConfirm={() => chosen && order.mutate(chosen.id)}
        onClose={() => {
          order.reset();
          setOpen(false);
        }}
        testId="credential-replace-dialog"
      >
        <Field label="Credential">
          <Select value={chosen?.id} onChange={(event) => setPicked(event.target.value)}>
            {others.map(({ id, name, account }) => (
              <option key={id} value={id}>
                {account ? `${name} (${account.label})` : name}
              </option>
            ))}
          </Select>
        </Field>
      </ConfirmDialog>
    </Card>
  );
}
