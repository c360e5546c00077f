import type { Credential } from '@claw-cloud/contracts';
import { Link } from '@tanstack/react-router';
import { ChevronRight, KeyRound, Plus } from 'lucide-react';
import { useCredentials } from '../app/data.ts';
import { useCloudName } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { CredentialStateBadge, CredentialTrouble } from '../credentials/state.tsx';
import { TryAnother } from '../credentials/verification.tsx';
import { ButtonLink } from '../design/button.tsx';
import { Card, PageHeader } from '../design/card.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { ago } from '../instance/words.ts';

/** The cloud accounts that are connected. */
export function CredentialsPage() {
  const credentials = useCredentials();
  const all = credentials.data ?? [];
  return (
    <Page>
      <PageHeader
        title="Credentials"
        hint="Access to your cloud accounts. They can be opened by the worker that builds your servers, and by nothing else here."
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
          With a credential of your cloud, servers can be created and deleted in your account.
        </EmptyState>
      ) : (
        <ul className="flex flex-col gap-2.5">
          {all.map((credential) => (
            <CredentialRow key={credential.id} credential={credential} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function CredentialRow({ credential }: { credential: Credential }) {
  const cloudName = useCloudName(credential.provider);
  return (
    <li>
      <Card className="transition-colors hover:border-line-strong">
        <Link
          to="/credentials/$credentialId"
          params={{ credentialId: credential.id }}
          data-testid="credential-row"
          className="group flex items-center gap-4 rounded-lg px-5 py-4"
        >
          <span className="min-w-0 flex-1">
            <span className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
              <span className="truncate font-medium">{credential.name}</span>
              <CredentialStateBadge credential={credential} />
            </span>
            <span className="mt-0.5 block truncate text-muted text-sm">
              {cloudName}
              {credential.account && ` · ${credential.account.label}`} · added {ago(credential.createdAt)}
            </span>
          </span>
          <ChevronRight
            size={16}
            aria-hidden
            className="text-faint transition-transform group-hover:translate-x-0.5"
          />
        </Link>
        {credential.state === 'rejected' && (
          <div className="flex flex-col items-start gap-3 px-5 pb-4">
            <CredentialTrouble credential={credential} className="w-full" />
            <TryAnother credential={credential} />
          </div>
        )}
      </Card>
    </li>
  );
}
