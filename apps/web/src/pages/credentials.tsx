import type { Credential } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { keys, useCredentials } from '../app/data.ts';
import { useConfig, useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { CredentialStateBadge, CredentialTrouble } from '../credentials/state.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Card, PageHeader } from '../design/card.tsx';
import { Dialog } from '../design/dialog.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { useToast } from '../design/toast.tsx';
import { ago } from '../instance/words.ts';

/** The cloud accounts that are connected. */
export function CredentialsPage() {
  const credentials = useCredentials();
  const [removing, setRemoving] = useState<Credential | null>(null);
  const all = credentials.data ?? [];
  return (
    <Page>
      <PageHeader
        title="Credentials"
        hint="Tokens of your cloud accounts. They can be opened by the worker that builds your servers, and by nothing else here."
        action={
          all.length > 0 && (
            <ButtonLink to="/credentials/new" data-testid="add-credential">
              <Plus size={16} aria-hidden /> Add
            </ButtonLink>
          )
        }
      />
      {credentials.error && <ErrorNotice trouble={troubleOf(credentials.error)} className="mb-6" />}
      {credentials.isPending ? (
        !credentials.error && <SkeletonRows label="Loading your credentials" />
      ) : all.length === 0 ? (
        <EmptyState
          icon={<KeyRound size={21} aria-hidden />}
          title="No cloud account is connected"
          action={
            <ButtonLink to="/credentials/new" data-testid="add-credential">
              Add a credential
            </ButtonLink>
          }
        >
          With an API token of your cloud, servers can be created and deleted in your account.
        </EmptyState>
      ) : (
        <ul className="flex flex-col gap-2.5">
          {all.map((credential) => (
            <CredentialRow
              key={credential.id}
              credential={credential}
              onRemove={() => setRemoving(credential)}
            />
          ))}
        </ul>
      )}
      <RemoveDialog credential={removing} onClose={() => setRemoving(null)} />
    </Page>
  );
}

function CredentialRow({ credential, onRemove }: { credential: Credential; onRemove: () => void }) {
  const { providers } = useConfig();
  const provider = providers.find(({ id }) => id === credential.provider)?.name ?? credential.provider;
  return (
    <li>
      <Card className="px-5 py-4">
        <div className="flex items-center gap-4">
          <div className="min-w-0 flex-1">
            <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
              <span className="truncate font-medium">{credential.name}</span>
              <CredentialStateBadge credential={credential} />
            </p>
            <p className="mt-0.5 truncate text-muted text-sm">
              {provider}
              {credential.account && ` · ${credential.account.label}`} · added {ago(credential.createdAt)}
            </p>
          </div>
          <Button variant="ghost" size="icon" aria-label={`Remove ${credential.name}`} onClick={onRemove}>
            <Trash2 size={15} aria-hidden />
          </Button>
        </div>
        {credential.state === 'rejected' && <CredentialTrouble credential={credential} className="mt-4" />}
      </Card>
    </li>
  );
}

function RemoveDialog({ credential, onClose }: { credential: Credential | null; onClose: () => void }) {
  const { api } = useOwner();
  const queries = useQueryClient();
  const toast = useToast();
  const removal = useMutation({
    mutationFn: (id: string) => api.removeCredential(id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.credentials });
      toast('The credential is removed here. Delete the token in your cloud’s console too.');
      onClose();
    },
  });
  return (
    <Dialog
      open={credential !== null}
      onClose={() => {
        removal.reset();
        onClose();
      }}
      title={`Remove “${credential?.name ?? ''}”?`}
      hint="Servers that run keep running. Destroying them later needs a credential of the same account."
      footer={
        <>
          <Button variant="secondary" onClick={onClose}>
            Keep it
          </Button>
          <Button
            variant="critical"
            busy={removal.isPending}
            onClick={() => credential && removal.mutate(credential.id)}
          >
            Remove
          </Button>
        </>
      }
    >
      {removal.error ? (
        <ErrorNotice trouble={troubleOf(removal.error)} />
      ) : (
        <p className="text-muted">What is stored of the token is erased at once.</p>
      )}
    </Dialog>
  );
}
