import type { Credential } from '@claw-cloud/contracts';
import { isProblem } from '@claw-cloud/owner-client/api';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { ChevronLeft, Rocket, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useCloud, useCredential, useInstances, useStrays } from '../app/data.ts';
import { useCloudName } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { useTitle } from '../app/title.ts';
import { RemoveDialog } from '../credentials/remove-dialog.tsx';
import { Said } from '../credentials/said.tsx';
import { CredentialStateBadge, CredentialTrouble } from '../credentials/state.tsx';
import { TryAnother } from '../credentials/verification.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { Fact, Facts } from '../design/facts.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { StatusDot } from '../design/status.tsx';
import { StrayList } from '../instance/strays.tsx';
import { statusOf } from '../instance/words.ts';
import { moment } from '../settings/words.ts';
import { NotFoundPage } from './not-found.tsx';

/** One credential: whose it is, whether it may do its work, what it is used for, and how to end it. */
export function CredentialPage() {
  const { credentialId = '' } = useParams({ strict: false }) as { credentialId?: string };
  const { data: credential, error } = useCredential(credentialId);
  useTitle(credential?.name);
  if (isProblem(error, 'not_found')) return <NotFoundPage />;
  return (
    <Page narrow>
      <Link
        to="/credentials"
        className="mb-4 inline-flex items-center gap-1 rounded-md text-muted text-sm hover:text-ink"
      >
        <ChevronLeft size={15} aria-hidden /> Credentials
      </Link>
      {credential ? (
        <Details credential={credential} />
      ) : error ? (
        <ErrorNotice trouble={troubleOf(error)} />
      ) : (
        <SkeletonRows label="Loading the credential" />
      )}
    </Page>
  );
}

function Details({ credential }: { credential: Credential }) {
  const cloudName = useCloudName(credential.provider);
  const strays = (useStrays().data ?? []).filter(({ credentialId }) => credentialId === credential.id);
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const { account, failure } = credential;
  return (
    <div className="flex flex-col gap-6">
      <header className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 font-semibold text-xl">
          <span className="truncate">{credential.name}</span>
          <CredentialStateBadge credential={credential} />
        </h1>
        {credential.state === 'ready' && (
          <ButtonLink to="/deploy" search={{ credential: credential.id }} size="sm" data-testid="deploy-new">
            <Rocket size={14} aria-hidden /> Deploy
          </ButtonLink>
        )}
      </header>
      {credential.state === 'rejected' && (
        <div className="flex flex-col items-start gap-3">
          <CredentialTrouble credential={credential} className="w-full" />
          <TryAnother credential={credential} />
        </div>
      )}
      {credential.state === 'ready' && failure && <CredentialTrouble credential={credential} />}
      <Card>
        <CardHeader title="Account" />
        <Facts>
          <Fact term="Cloud">{cloudName}</Fact>
          <Fact term="Known there as" testId="credential-account">
            {account?.label ?? 'not known'}
          </Fact>
          {account?.detail && <Fact term="More">{account.detail}</Fact>}
          <Fact term="Permissions">
            {credential.state === 'verifying'
              ? 'being checked'
              : credential.missing.length === 0 && credential.state === 'ready'
                ? 'all that a server’s life needs'
                : `${credential.missing.length} missing`}
          </Fact>
          <Fact term="Added">{moment(credential.createdAt)}</Fact>
          <Fact term="Checked">{credential.verifiedAt ? moment(credential.verifiedAt) : 'not yet'}</Fact>
        </Facts>
      </Card>
      <Servers credentialId={credential.id} />
      {strays.length > 0 && <StrayList strays={strays} />}
      <Ending provider={credential.provider} onRemove={() => setRemoving(true)} />
      <RemoveDialog
        credential={removing ? credential : null}
        onClose={() => setRemoving(false)}
        onRemoved={() => void navigate({ to: '/credentials' })}
      />
    </div>
  );
}

function Servers({ credentialId }: { credentialId: string }) {
  const instances = useInstances();
  const used = (instances.data ?? []).filter(
    (instance) => instance.credentialId === credentialId && instance.state !== 'destroyed',
  );
  return (
    <Card>
      <CardHeader title="Servers" hint={used.length === 0 ? 'None is looked after with it.' : undefined} />
      {used.length > 0 && (
        <ul>
          {used.map((instance) => {
            const { word, tone, live } = statusOf(instance);
            return (
              <li key={instance.id} className="border-line border-b last:border-0">
                <Link
                  to="/servers/$instanceId"
                  params={{ instanceId: instance.id }}
                  className="flex items-center gap-3 px-5 py-3 hover:bg-hover"
                >
                  <StatusDot tone={tone} live={live} />
                  <span className="min-w-0 flex-1 truncate">{instance.name}</span>
                  <span className="text-muted text-sm">{word}</span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

function Ending({ provider, onRemove }: { provider: string; onRemove: () => void }) {
  const cloud = useCloud(provider);
  const methods = cloud?.methods.filter(({ deleting }) => deleting.length > 0) ?? [];
  return (
    <Card>
      <CardHeader
        title="End it"
        hint="Removing it here erases what is stored of it. It stays good at your cloud until you delete it there."
        action={
          <Button variant="critical-quiet" size="sm" onClick={onRemove} data-testid="credential-remove-open">
            <Trash2 size={14} aria-hidden /> Remove
          </Button>
        }
      />
      {methods.length > 0 && (
        <div className="flex flex-col gap-4 px-5 py-4">
          {methods.map(({ id, label, deleting, links }) => (
            <div key={id}>
              {methods.length > 1 && <h3 className="mb-1 font-medium text-sm">{label}</h3>}
              <ul className="flex list-disc flex-col gap-1 pl-4 text-muted text-sm">
                {deleting.map((text) => (
                  <li key={text}>
                    <Said>{text}</Said>
                  </li>
                ))}
              </ul>
              {links[0] && (
                <ExternalLink href={links[0].href} className="mt-2">
                  {links[0].label}
                </ExternalLink>
              )}
            </div>
          ))}
        </div>
      )}
    </Card>
  );
}
