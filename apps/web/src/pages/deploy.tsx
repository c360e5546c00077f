import { type Catalogue, type Credential, Name } from '@claw-cloud/contracts';
import type { PreparedDeploy } from '@claw-cloud/owner-client';
import { isProblem } from '@claw-cloud/owner-client/api';
import { useQueryClient } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { RotateCw, TriangleAlert } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { keys, useCatalogue, useCredentials } from '../app/data.ts';
import { Redirect, useMoveOn } from '../app/redirect.tsx';
import { useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { CatalogueAge } from '../deploy/catalogue-age.tsx';
import { country, firstRegion, gigabytes, type Offer, offersIn, plainName } from '../deploy/offers.ts';
import { RecoveryDialog } from '../deploy/recovery-dialog.tsx';
import { RegionField } from '../deploy/region-field.tsx';
import { SizeList } from '../deploy/size-list.tsx';
import { Button } from '../design/button.tsx';
import { Card, PageHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input, Select } from '../design/field.tsx';
import { money } from '../design/price-tag.tsx';
import { Skeleton, SkeletonRows } from '../design/skeleton.tsx';
import { loadOwnerClient } from '../keys/owner.ts';

/** Where and how large: the form that makes a server. */
export function DeployPage() {
  const credentials = useCredentials();
  const { credential: wanted } = useSearch({ strict: false }) as { credential?: string };
  const [picked, setPicked] = useState<string>();
  const usable = (credentials.data ?? []).filter(({ state }) => state === 'ready');
  const credentialId = picked ?? usable.find(({ id }) => id === wanted)?.id ?? usable[0]?.id;
  const catalogue = useCatalogue(credentialId);
  if (credentials.data && !credentials.isFetching && usable.length === 0)
    return <Redirect to="/credentials/new" />;
  return (
    <Page>
      <PageHeader
        title="Deploy a server"
        hint="OpenClaw on a machine of its own, in your cloud account. It takes about three minutes."
      />
      {credentials.error && <ErrorNotice trouble={troubleOf(credentials.error)} />}
      {catalogue.error && (
        <ErrorNotice
          trouble={troubleOf(catalogue.error)}
          action={
            <Button variant="secondary" size="sm" onClick={() => void catalogue.refetch()}>
              <RotateCw size={14} aria-hidden /> Ask again
            </Button>
          }
        />
      )}
      {catalogue.data && credentialId ? (
        <DeployForm
          key={credentialId}
          credentials={usable}
          credentialId={credentialId}
          onCredential={setPicked}
          catalogue={catalogue.data}
        />
      ) : (
        !credentials.error &&
        !catalogue.error && (
          <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <SkeletonRows rows={5} label="Asking your cloud for regions, sizes and prices" />
            <Skeleton className="h-64" />
          </div>
        )
      )}
    </Page>
  );
}

interface DeployFormProps {
  credentials: readonly Credential[];
  credentialId: string;
  onCredential: (id: string) => void;
  catalogue: Catalogue;
}

function DeployForm({ credentials, credentialId, onCredential, catalogue }: DeployFormProps) {
  const owner = useOwner();
  const queries = useQueryClient();
  const moveOn = useMoveOn();
  const [regionPicked, setRegion] = useState<string>();
  const [sizePicked, setSize] = useState<string>();
  const [name, setName] = useState('My assistant');
  const [checked, setChecked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [prepared, setPrepared] = useState<PreparedDeploy | null>(null);

  const region = catalogue.regions.find(({ id }) => id === regionPicked)?.id ?? firstRegion(catalogue);
  const offers = region === undefined ? [] : offersIn(catalogue, region);
  const offer =
    offers.find(({ size, available }) => size.id === sizePicked && available) ??
    offers.find(({ recommended }) => recommended) ??
    offers.find(({ available }) => available);
  const badName = Name.safeParse(plainName(name)).error?.issues[0]?.message;

  const send = async (ready: PreparedDeploy) => {
    setBusy(true);
    setError(undefined);
    try {
      if (ready.recoveryCode !== undefined) await ready.acknowledge();
      const { instance } = await ready.submit();
      queries.setQueryData(keys.instance(instance.id), instance);
      void queries.invalidateQueries({ queryKey: keys.instances, exact: true });
      await moveOn({ to: '/servers/$instanceId/timeline', params: { instanceId: instance.id } });
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
      // Nothing was made: what the form shows has changed, so it is asked for again.
      const stale = ['price_changed', 'size_sold_out', 'size_unknown', 'region_unknown'].some((code) =>
        isProblem(thrown, code as 'price_changed'),
      );
      if (!stale) return;
      setPrepared(null);
      await queries.invalidateQueries({ queryKey: keys.catalogue(credentialId) });
    }
  };

  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (badName !== undefined || !offer || region === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      const [{ prepareDeploy }, keyring] = await Promise.all([loadOwnerClient(), owner.keyring()]);
      const ready = await prepareDeploy(owner.api, keyring, {
        credentialId,
        name: plainName(name),
        region,
        size: offer.size.id,
        expectedMonthlyPrice: offer.monthly,
      });
      if (ready.recoveryCode === undefined) return await send(ready);
      setPrepared(ready);
      setBusy(false);
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };

  return (
    <form
      onSubmit={(event) => void onSubmit(event)}
      noValidate
      className="grid items-start gap-8 lg:grid-cols-[minmax(0,1fr)_19rem]"
    >
      <div className="flex flex-col gap-7">
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Credential">
            <Select
              value={credentialId}
              onChange={(event) => onCredential(event.target.value)}
              data-testid="deploy-credential"
            >
              {credentials.map((credential) => (
                <option key={credential.id} value={credential.id}>
                  {credential.name}
                </option>
              ))}
            </Select>
          </Field>
          <RegionField regions={catalogue.regions} region={region} onChange={setRegion} />
        </div>
        <section>
          <div className="mb-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
            <h2 className="font-medium text-sm tracking-normal">Size</h2>
            <CatalogueAge credentialId={credentialId} catalogue={catalogue} />
          </div>
          <SizeList
            offers={offers}
            currency={catalogue.currency}
            chosen={offer?.size.id}
            onChoose={setSize}
          />
          {offer?.size.small && (
            <p className="mt-3 flex gap-2.5 rounded-lg bg-caution-soft px-3.5 py-2.5 text-caution-ink text-sm">
              <TriangleAlert size={15} aria-hidden className="mt-0.5 shrink-0" />
              {gigabytes(offer.size.memoryMb)} is the least OpenClaw starts with. Long conversations and
              browser tools may run out of memory; 4 GB gives it room.
            </p>
          )}
        </section>
        <Field label="Name" error={checked ? badName : undefined} hint="For you alone; it can be anything.">
          <Input
            value={name}
            maxLength={60}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
            data-testid="deploy-name"
          />
        </Field>
      </div>
      <Summary
        catalogue={catalogue}
        region={region}
        offer={offer}
        notice={
          error !== undefined &&
          prepared === null && <ErrorNotice trouble={troubleOf(error)} className="mb-4" />
        }
      >
        <Button
          type="submit"
          busy={busy && prepared === null}
          disabled={!offer}
          className="mt-5 w-full"
          data-testid="deploy-submit"
        >
          Deploy
        </Button>
      </Summary>
      <RecoveryDialog
        code={prepared?.recoveryCode ?? null}
        busy={busy}
        error={error}
        onContinue={() => prepared && void send(prepared)}
        onCancel={() => {
          setPrepared(null);
          setError(undefined);
        }}
      />
    </form>
  );
}

interface SummaryProps {
  catalogue: Catalogue;
  region: string | undefined;
  offer: Offer | undefined;
  notice: ReactNode;
  children: ReactNode;
}

function Summary({ catalogue, region, offer, notice, children }: SummaryProps) {
  const place = catalogue.regions.find(({ id }) => id === region);
  return (
    <aside className="lg:sticky lg:top-20">
      {notice}
      <Card className="p-5">
        <h2 className="font-semibold text-sm">Summary</h2>
        <dl className="mt-3.5 flex flex-col gap-2 text-sm">
          <Line term="Where">{place ? `${country(place.country).flag} ${place.city}` : 'not chosen'}</Line>
          <Line term="Machine">{offer ? offer.size.name : 'not chosen'}</Line>
          {offer && (
            <Line term="Resources">
              {offer.size.cpus} × {offer.size.architecture === 'arm' ? 'Arm' : 'x86'},{' '}
              {gigabytes(offer.size.memoryMb)}
            </Line>
          )}
          <Line term="System">{catalogue.image}</Line>
        </dl>
        {offer && (
          <div className="mt-4 border-line border-t pt-4">
            <p className="flex items-baseline justify-between gap-3">
              <span className="text-muted text-sm">Your cloud bills</span>
              <span className="font-semibold text-lg tabular-nums" data-testid="deploy-price">
                {money(offer.monthly, catalogue.currency)}
                <span className="font-normal text-faint text-xs"> /mo</span>
              </span>
            </p>
            <p className="mt-1 text-right text-faint text-xs tabular-nums">
              {money(offer.hourly, catalogue.currency, 4)} an hour, until you destroy it
            </p>
          </div>
        )}
        {children}
      </Card>
      <p className="mt-3 px-1 text-faint text-xs">
        The price is checked again before anything is created. Should it have changed, nothing is made.
      </p>
    </aside>
  );
}

function Line({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-4">
      <dt className="text-muted">{term}</dt>
      <dd className="text-right">{children}</dd>
    </div>
  );
}
