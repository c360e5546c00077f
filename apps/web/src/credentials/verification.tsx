import type { Credential } from '@claw-cloud/contracts';
import { ArrowRight } from 'lucide-react';
import { ButtonLink } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { CredentialStateBadge, CredentialTrouble } from './state.tsx';

/** Whether the cloud takes a credential, as whom it knows it, and what to do next. */
export function Verification({ credential, cloudName }: { credential: Credential; cloudName: string }) {
  return (
    <Card className="p-6">
      <div className="flex items-center justify-between gap-4">
        <h2 className="truncate font-semibold text-lg">{credential.name}</h2>
        <CredentialStateBadge credential={credential} />
      </div>
      <div aria-live="polite">
        {credential.state === 'verifying' && (
          <p className="mt-2 text-muted">
            The provisioner opens what was sealed, asks {cloudName} whose it is and what it may do, and
            encrypts it again for storage. This takes a few seconds.
          </p>
        )}
        {credential.state === 'ready' && (
          <>
            <p className="mt-2 text-muted">
              {credential.account
                ? `${cloudName} knows it as ${credential.account.label}.`
                : `${cloudName} accepted it.`}{' '}
              It may do all that a server’s life needs.
              {credential.account?.detail && <span className="block">{credential.account.detail}</span>}
            </p>
            <div className="mt-6 flex flex-wrap gap-2">
              <ButtonLink to="/deploy" search={{ credential: credential.id }} data-testid="deploy-new">
                Deploy a server <ArrowRight size={15} aria-hidden />
              </ButtonLink>
              <ButtonLink to="/credentials" variant="secondary">
                All credentials
              </ButtonLink>
            </div>
          </>
        )}
        {credential.state === 'rejected' && (
          <>
            <CredentialTrouble credential={credential} className="mt-4" />
            <TryAnother credential={credential} className="mt-4" />
          </>
        )}
      </div>
    </Card>
  );
}

/** A rejected credential is not kept: what comes in its place is typed anew, and takes its name. */
export function TryAnother({ credential, className }: { credential: Credential; className?: string }) {
  return (
    <ButtonLink
      to="/credentials/new"
      search={{ cloud: credential.provider, name: credential.name, replaces: credential.id }}
      variant="secondary"
      size="sm"
      data-testid="credential-again"
      {...(className ? { className } : {})}
    >
      Try again with another
    </ButtonLink>
  );
}
