import type { Credential } from '@claw-cloud/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { keys, useClouds, useCredential } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { CredentialForm } from '../credentials/form.tsx';
import { Verification } from '../credentials/verification.tsx';
import { PageHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { Spinner } from '../design/spinner.tsx';

export interface AddCredentialSearch {
  readonly cloud?: string;
  readonly name?: string;
  /** A rejected credential whose place the new one takes. */
  readonly replaces?: string;
}

/** Adds a cloud account: how to get the credential, what happens to it, and whether the cloud takes it. */
export function AddCredentialPage() {
  const search = useSearch({ strict: false }) as AddCredentialSearch;
  const clouds = useClouds();
  const { api } = useOwner();
  const queries = useQueryClient();
  const [added, setAdded] = useState<{ id: string; replaces: string | undefined }>();
  // Asked to try again: the same page with another address.
  const shown = added && added.id !== search.replaces ? added.id : undefined;
  const credential = useCredential(shown);
  /** What was rejected holds no secret any more; an address must not make us forget anything else. */
  const forgetRejected = async (id: string) => {
    if ((await api.getCredential(id)).state !== 'rejected') return;
    await api.removeCredential(id);
    await queries.invalidateQueries({ queryKey: keys.credentials, exact: true });
  };
  const onAdded = (one: Credential) => {
    setAdded({ id: one.id, replaces: search.replaces });
    if (search.replaces !== undefined) void forgetRejected(search.replaces).catch(() => undefined);
  };
  return (
    <Page narrow>
      <PageHeader
        title="Add a credential"
        hint="So that servers can be created, and later deleted, in your cloud account."
      />
      {clouds.error !== null && <ErrorNotice trouble={troubleOf(clouds.error)} className="mb-6" />}
      {shown !== undefined ? (
        credential.data ? (
          <Verification
            credential={credential.data}
            cloudName={
              clouds.data?.clouds.find(({ id }) => id === credential.data.provider)?.name ?? 'the cloud'
            }
          />
        ) : credential.error ? (
          <ErrorNotice trouble={troubleOf(credential.error)} />
        ) : (
          <Spinner size={18} />
        )
      ) : clouds.data ? (
        <CredentialForm key={search.replaces} list={clouds.data} begin={search} onAdded={onAdded} />
      ) : (
        clouds.isPending && <SkeletonRows rows={4} label="Loading the clouds" />
      )}
    </Page>
  );
}
