import { type Credential, CredentialSecret, Name, type ProviderId } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ArrowRight, ExternalLink, Lock } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { keys, useCredential } from '../app/data.ts';
import { useConfig, useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { guides } from '../credentials/guides.ts';
import { CredentialStateBadge, CredentialTrouble } from '../credentials/state.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Card, PageHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input, Select } from '../design/field.tsx';
import { Spinner } from '../design/spinner.tsx';
import { loadOwnerClient } from '../keys/owner.ts';

/** Adds a cloud account: how to get the token, what happens to it, and whether the cloud takes it. */
export function AddCredentialPage() {
  const [added, setAdded] = useState<string>();
  const credential = useCredential(added);
  return (
    <Page narrow>
      <PageHeader
        title="Add a credential"
        hint="So that servers can be created, and later deleted, in your cloud account."
      />
      {added === undefined ? (
        <CredentialForm onAdded={setAdded} />
      ) : (
        <Verification
          credential={credential.data}
          error={credential.error}
          onAgain={() => setAdded(undefined)}
        />
      )}
    </Page>
  );
}

function CredentialForm({ onAdded }: { onAdded: (id: string) => void }) {
  const { providers } = useConfig();
  const owner = useOwner();
  const queries = useQueryClient();
  const offered = providers.filter(({ id }) => guides[id]);
  const [provider, setProvider] = useState<ProviderId | undefined>(
    // Where there is a sandbox, it is the place to begin.
    offered.find(({ sandbox }) => sandbox)?.id ?? offered[0]?.id,
  );
  const [name, setName] = useState('');
  const [token, setToken] = useState('');
  const [checked, setChecked] = useState(false);
  const guide = provider && guides[provider];
  const fallback = offered.find(({ id }) => id === provider)?.name ?? '';
  const finalName = name.trim() === '' ? fallback : name;
  const badName = checked ? Name.safeParse(finalName).error?.issues[0]?.message : undefined;
  const secret = CredentialSecret.safeParse({ provider, token: token.trim() });
  const badToken = checked && !secret.success ? 'Paste the token here.' : undefined;

  const addition = useMutation({
    mutationFn: async () => {
      const { addCredential } = await loadOwnerClient();
      if (!secret.success) throw secret.error;
      return addCredential(owner.api, owner.ownerId, { name: finalName, secret: secret.data });
    },
    onSuccess: (credential) => {
      setToken('');
      queries.setQueryData(keys.credential(credential.id), credential);
      void queries.invalidateQueries({ queryKey: keys.credentials, exact: true });
      onAdded(credential.id);
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (secret.success && Name.safeParse(finalName).success) addition.mutate();
  };

  return (
    <Card>
      <form onSubmit={onSubmit} noValidate className="flex flex-col gap-5 p-6">
        <Field label="Cloud">
          <Select
            value={provider}
            onChange={(event) => setProvider(event.target.value as ProviderId)}
            data-testid="credential-provider"
          >
            {offered.map(({ id, name: label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        {guide && (
          <div className="rounded-lg bg-sunken px-4 py-3.5">
            <ol className="flex list-none flex-col gap-2">
              {guide.steps.map((step, index) => (
                <li key={step} className="flex gap-3 text-muted">
                  <span
                    aria-hidden
                    className="grid size-5 shrink-0 place-items-center rounded-full border border-line-strong text-2xs text-ink tabular-nums"
                  >
                    {index + 1}
                  </span>
                  {step}
                </li>
              ))}
            </ol>
            {guide.link && (
              <a
                href={guide.link.href}
                target="_blank"
                rel="noreferrer"
                className="mt-3 ml-8 inline-flex items-center gap-1.5 font-medium text-accent-ink text-sm hover:underline"
              >
                {guide.link.label} <ExternalLink size={13} aria-hidden />
              </a>
            )}
          </div>
        )}
        <Field label={guide?.secretLabel ?? 'Token'} error={badToken}>
          <Input
            type="password"
            autoComplete="off"
            spellCheck={false}
            placeholder={guide?.placeholder}
            value={token}
            maxLength={200}
            onChange={(event) => setToken(event.target.value)}
            className="font-mono"
            data-testid="credential-token"
          />
        </Field>
        <Field
          label="Name"
          aside="optional"
          error={badName}
          hint="Tells it from others, e.g. the project’s name."
        >
          <Input
            value={name}
            placeholder={fallback}
            maxLength={60}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
            data-testid="credential-name"
          />
        </Field>
        {addition.error !== null && <ErrorNotice trouble={troubleOf(addition.error)} />}
        <div className="flex flex-col gap-4 border-line border-t pt-5 sm:flex-row sm:items-center sm:justify-between">
          <p className="flex max-w-[44ch] gap-2.5 text-muted text-xs">
            <Lock size={14} aria-hidden className="mt-0.5 shrink-0 text-positive" />
            Encrypted in this browser for the provisioner’s key, and bound to your account. The web server
            stores it unread.
          </p>
          <Button
            type="submit"
            busy={addition.isPending}
            data-testid="credential-submit"
            className="shrink-0"
          >
            Seal and add
          </Button>
        </div>
      </form>
    </Card>
  );
}

interface VerificationProps {
  credential: Credential | undefined;
  error: unknown;
  onAgain: () => void;
}

function Verification({ credential, error, onAgain }: VerificationProps) {
  if (!credential) return error ? <ErrorNotice trouble={troubleOf(error)} /> : <Spinner size={18} />;
  return (
    <Card className="p-6">
      <div className="flex items-center justify-between gap-4">
        <h2 className="truncate font-semibold text-lg">{credential.name}</h2>
        <CredentialStateBadge credential={credential} />
      </div>
      <div aria-live="polite">
        {credential.state === 'verifying' && (
          <p className="mt-2 text-muted">
            The provisioner opens the sealed token, asks the cloud who it belongs to and what it may do, and
            encrypts it again for storage. This takes a few seconds.
          </p>
        )}
        {credential.state === 'ready' && (
          <>
            <p className="mt-2 text-muted">
              {credential.account
                ? `The cloud knows it as ${credential.account.label}.`
                : 'The cloud accepted it.'}{' '}
              It may create and delete servers.
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
            <Button variant="secondary" className="mt-4" onClick={onAgain}>
              Try another token
            </Button>
          </>
        )}
      </div>
    </Card>
  );
}
