import {
  type Cloud,
  type CloudList,
  type Credential,
  type CredentialMethod,
  Name,
} from '@claw-cloud/contracts';
import { credentialSecret, wrongFields } from '@claw-cloud/owner-client/api';
import { useQueryClient } from '@tanstack/react-query';
import { Lock } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { keys } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { plainName } from '../deploy/offers.ts';
import { Button } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input } from '../design/field.tsx';
import { OptionCards } from '../design/option-cards.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { CredentialGuide } from './guide.tsx';

interface CredentialFormProps {
  list: CloudList;
  /** What is chosen and written already, where another credential is to be replaced. */
  begin: { readonly cloud?: string | undefined; readonly name?: string | undefined };
  onAdded: (credential: Credential) => void;
}

/** Which cloud, by which way, and what it asks for: everything from the cloud's own descriptor. */
export function CredentialForm({ list, begin, onAdded }: CredentialFormProps) {
  const { clouds, externalId } = list;
  const [cloudId, setCloud] = useState(begin.cloud);
  const [methodId, setMethod] = useState<string>();
  const cloud =
    clouds.find(({ id }) => id === cloudId) ??
    // Where there is a sandbox, it is the place to begin.
    clouds.find(({ sandbox }) => sandbox) ??
    clouds[0];
  const method = cloud?.methods.find(({ id }) => id === methodId) ?? cloud?.methods[0];
  if (!cloud || !method) return <p className="text-muted">This installation offers no cloud.</p>;
  return (
    <Card className="flex flex-col gap-6 p-5 sm:p-6">
      <OptionCards
        legend="Cloud"
        options={clouds.map(({ id, name, sandbox, methods }) => ({
          id,
          title: name,
          note: sandbox ? 'costs nothing' : methods.map(({ label }) => lowerFirst(label)).join(' or '),
        }))}
        chosen={cloud.id}
        onChoose={(id) => {
          setCloud(id);
          setMethod(undefined);
        }}
        testId="credential-provider"
      />
      {cloud.methods.length > 1 && (
        <OptionCards
          legend="How to give access"
          options={cloud.methods.map(({ id, label, about }) => ({ id, title: label, note: about }))}
          chosen={method.id}
          onChoose={setMethod}
          columns={2}
          testId="credential-method"
        />
      )}
      <CredentialGuide key={`${cloud.id}/${method.id}/guide`} method={method} externalId={externalId} />
      <SecretForm
        // Another cloud or another way is another form: nothing typed goes along.
        key={`${cloud.id}/${method.id}`}
        cloud={cloud}
        method={method}
        firstName={begin.name}
        onAdded={onAdded}
      />
    </Card>
  );
}

/** In the middle of a sentence; what is written in capitals stays so. */
const lowerFirst = (words: string): string =>
  /^[A-Z][a-z]/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : words;

interface SecretFormProps {
  cloud: Cloud;
  method: CredentialMethod;
  firstName: string | undefined;
  onAdded: (credential: Credential) => void;
}

/** What was typed lives in the form's own inputs alone: no state, no cache and no closure outlives the sealing. */
function SecretForm({ cloud, method, firstName, onAdded }: SecretFormProps) {
  const owner = useOwner();
  const queries = useQueryClient();
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (busy) return;
    const name = plainName(textOf(form, nameField)) || cloud.name;
    const badName = Name.safeParse(name).error?.issues[0]?.message;
    const found = {
      ...wrongFields(method, typedIn(form, method)),
      ...(badName === undefined ? {} : { [nameField]: badName }),
    };
    setWrong(found);
    const [first] = Object.keys(found);
    if (first !== undefined) return inputOf(form, first)?.focus();
    setBusy(true);
    setError(undefined);
    try {
      const { addCredential } = await loadOwnerClient();
      const credential = await addCredential(owner.api, owner.ownerId, {
        name,
        secret: credentialSecret(cloud, method.id, typedIn(form, method)),
      });
      form.reset();
      queries.setQueryData(keys.credential(credential.id), credential);
      void queries.invalidateQueries({ queryKey: keys.credentials, exact: true });
      onAdded(credential);
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  /**
   * A field that was complained about is looked at again as it changes. None is complained about when it is left: the
   * words would push the button away under the press.
   */
  const recheck = (form: HTMLFormElement | null, field: string) => {
    if (!form || wrong[field] === undefined) return;
    const hint = wrongFields(method, typedIn(form, method))[field];
    setWrong(({ [field]: _, ...others }) => (hint === undefined ? others : { ...others, [field]: hint }));
  };

  return (
    <form
      onSubmit={(event) => void onSubmit(event)}
      noValidate
      autoComplete="off"
      className="flex flex-col gap-5"
    >
      {method.fields.map((field) => (
        <Field key={field.name} label={field.label} error={wrong[field.name]}>
          <Input
            name={field.name}
            type={field.secret ? 'password' : 'text'}
            autoComplete={field.secret ? 'new-password' : 'off'}
            autoCapitalize="off"
            spellCheck={false}
            placeholder={field.placeholder}
            maxLength={4000}
            onChange={(event) => recheck(event.currentTarget.form, field.name)}
            className="font-mono"
            data-testid={`credential-${field.name}`}
          />
        </Field>
      ))}
      <Field
        label="Name"
        aside="optional"
        error={wrong[nameField]}
        hint="Tells it from others, e.g. the project’s name."
      >
        <Input
          name={nameField}
          defaultValue={firstName}
          placeholder={cloud.name}
          maxLength={60}
          autoComplete="off"
          data-testid="credential-name"
        />
      </Field>
      {error !== undefined && <ErrorNotice trouble={troubleOf(error)} />}
      <div className="flex flex-col gap-4 border-line border-t pt-5 sm:flex-row sm:items-center sm:justify-between">
        <p className="flex max-w-[44ch] gap-2.5 text-muted text-xs">
          <Lock size={14} aria-hidden className="mt-0.5 shrink-0 text-positive" />
          Encrypted in this browser for the provisioner’s key, and bound to your account. The web server
          stores it unread, and this page forgets it.
        </p>
        <Button type="submit" busy={busy} data-testid="credential-submit" className="shrink-0">
          Seal and add
        </Button>
      </div>
    </form>
  );
}

/** No field of a descriptor can be called so. */
const nameField = 'credential-name';

const inputOf = (form: HTMLFormElement, name: string): HTMLInputElement | null => {
  const found = form.elements.namedItem(name);
  return found instanceof HTMLInputElement ? found : null;
};
const textOf = (form: HTMLFormElement, name: string): string => inputOf(form, name)?.value ?? '';
const typedIn = (form: HTMLFormElement, method: CredentialMethod): Record<string, string> =>
  Object.fromEntries(method.fields.map(({ name }) => [name, textOf(form, name)]));
