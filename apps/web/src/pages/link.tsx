import type { InstanceOutcome } from '@claw-cloud/owner-client/api';
import { useMutation } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { waitingLinkCode } from '../app/link-code.ts';
import { useOwner } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader, PageHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Checkbox, Field, TextArea } from '../design/field.tsx';
import { StatusDot } from '../design/status.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { Scanner } from '../keys/scanner.tsx';

type Way = 'code' | 'recovery';

/** For a browser without keys: a code of one that has some, or the recovery code. */
export function LinkPage() {
  const { server } = useSearch({ strict: false }) as { server?: string };
  const [done, setDone] = useState<readonly InstanceOutcome[] | null>(null);
  const well = done?.filter(({ problem }) => problem === null) ?? [];
  if (done !== null && well.length > 0) return <Linked outcomes={done} server={server} />;
  return (
    <Page narrow>
      <PageHeader
        title="Link this browser"
        hint="Your chats are encrypted between your server and browsers it knows. It does not know this one yet; signing in alone is not enough, on purpose."
      />
      <div className="flex flex-col gap-6">
        {done !== null && <Failed outcomes={done} />}
        <CodeCard onDone={setDone} />
        <RecoveryCard onDone={setDone} />
      </div>
    </Page>
  );
}

function useFlow(way: Way, onDone: (outcomes: readonly InstanceOutcome[]) => void) {
  const { api, keyring } = useOwner();
  return useMutation({
    mutationFn: async ({ code, revokeOthers }: { code: string; revokeOthers: boolean }) => {
      const [client, keys] = await Promise.all([loadOwnerClient(), keyring()]);
      const options = { baseUrl: window.location.origin, api, keyring: keys };
      return way === 'code'
        ? client.linkDevice(client.parseInviteLink(code) ?? code, options)
        : client.recover(code, { ...options, revokeOthers });
    },
    onSuccess: onDone,
  });
}

function CodeCard({ onDone }: { onDone: (outcomes: readonly InstanceOutcome[]) => void }) {
  const [code, setCode] = useState(() => waitingLinkCode() ?? '');
  const [checked, setChecked] = useState(false);
  const link = useFlow('code', onDone);
  const missing = code.trim() === '' ? 'Enter the code the other browser shows.' : undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (!missing) link.mutate({ code: code.trim(), revokeOthers: false });
  };
  return (
    <Card>
      <CardHeader
        title="With another browser of yours"
        hint="There: open a server’s settings, Devices, “Link a browser”. It shows a code."
      />
      <form noValidate onSubmit={onSubmit} className="flex flex-col gap-4 px-5 py-5">
        <Field label="Code" error={checked ? missing : undefined}>
          <TextArea
            value={code}
            rows={2}
            maxLength={600}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            placeholder="XXXX-XXXX-…"
            onChange={(event) => setCode(event.target.value)}
            className="resize-none font-mono tracking-[0.04em]"
            data-testid="link-code"
          />
        </Field>
        {link.error !== null && <ErrorNotice trouble={troubleOf(link.error)} />}
        <div className="flex flex-wrap justify-end gap-2">
          <Scanner onText={setCode} />
          <Button type="submit" busy={link.isPending} data-testid="link-submit">
            Link this browser
          </Button>
        </div>
      </form>
    </Card>
  );
}

function RecoveryCard({ onDone }: { onDone: (outcomes: readonly InstanceOutcome[]) => void }) {
  const [code, setCode] = useState('');
  const [revokeOthers, setRevokeOthers] = useState(false);
  const [checked, setChecked] = useState(false);
  const recover = useFlow('recovery', onDone);
  const missing = code.trim() === '' ? 'Enter the code you have kept.' : undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (!missing) recover.mutate({ code: code.trim(), revokeOthers });
  };
  return (
    <Card>
      <CardHeader
        title="With your recovery code"
        hint="The one you kept when you deployed your first server."
      />
      <form noValidate onSubmit={onSubmit} className="flex flex-col gap-4 px-5 py-5">
        <Field label="Recovery code" error={checked ? missing : undefined}>
          <TextArea
            value={code}
            rows={2}
            maxLength={120}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            placeholder="XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX"
            onChange={(event) => setCode(event.target.value)}
            className="resize-none font-mono tracking-[0.04em]"
            data-testid="recover-code"
          />
        </Field>
        <Checkbox
          checked={revokeOthers}
          onChange={(event) => setRevokeOthers(event.target.checked)}
          data-testid="recover-revoke"
          hint="For when a browser or computer was lost or stolen. Every other browser has to be linked again."
        >
          Shut all other browsers out
        </Checkbox>
        {recover.error !== null && <ErrorNotice trouble={troubleOf(recover.error)} />}
        <div className="flex justify-end">
          <Button type="submit" variant="secondary" busy={recover.isPending} data-testid="recover-submit">
            Use the recovery code
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Failed({ outcomes }: { outcomes: readonly InstanceOutcome[] }) {
  const first = outcomes[0]?.problem;
  if (!first)
    return (
      <Callout tone="caution" title="There is no server to link to" testId="link-failed">
        You have none that is set up and connected.
      </Callout>
    );
  return (
    <div data-testid="link-failed">
      <ErrorNotice trouble={troubleOf(first)} />
    </div>
  );
}

function Linked({ outcomes, server }: { outcomes: readonly InstanceOutcome[]; server: string | undefined }) {
  const back = outcomes.find(({ instanceId, problem }) => instanceId === server && problem === null);
  return (
    <Page narrow>
      <PageHeader title="This browser is linked" hint="It has a key of its own now, which never leaves it." />
      <Card>
        <ul className="divide-y divide-line" data-testid="link-done">
          {outcomes.map(({ instanceId, name, problem }) => (
            <li key={instanceId} className="flex items-start gap-3 px-5 py-3.5">
              <span className="mt-1.5">
                <StatusDot tone={problem ? 'caution' : 'positive'} />
              </span>
              <span className="min-w-0 flex-1">
                <span className="font-medium">{name}</span>
                <span className="block text-muted text-sm">
                  {problem ? `${problem.message} ${problem.fix}` : 'lets this browser in'}
                </span>
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <div className="mt-6 flex flex-wrap gap-2">
        {back ? (
          <ButtonLink
            to="/servers/$instanceId"
            params={{ instanceId: back.instanceId }}
            data-testid="link-back"
          >
            Open {back.name}
          </ButtonLink>
        ) : (
          <ButtonLink to="/" data-testid="link-back">
            Your servers
          </ButtonLink>
        )}
      </div>
    </Page>
  );
}
