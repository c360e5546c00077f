import { supportMinutes } from '@claw-cloud/contracts';
import { KeyRound } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { CodeBlock } from '../design/code-block.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Checkbox, Field, Input, Select, TextArea } from '../design/field.tsx';
import { useConnection } from '../instance/connection.tsx';
import { type Answer, useChange } from './ask.ts';
import { durations, handoverText, sshKeyTrouble } from './handover.ts';
import { moment } from './words.ts';

/** Lets somebody in; afterwards, once, what they need to enter. */
export function GrantForm() {
  const { channelState } = useConnection();
  const [name, setName] = useState('');
  const [publicKey, setPublicKey] = useState('');
  const [minutes, setMinutes] = useState(60);
  const [root, setRoot] = useState(false);
  const [checked, setChecked] = useState(false);
  const [asking, setAsking] = useState(false);
  const [understood, setUnderstood] = useState(false);
  const [given, setGiven] = useState<Answer<'support.grant'> | null>(null);
  const long = minutes > supportMinutes.askTwiceAbove;
  const words = durations.find(([count]) => count === minutes)?.[1] ?? `${minutes} minutes`;
  const badName = name.trim() === '' ? 'Enter who it is for.' : undefined;
  const badKey = sshKeyTrouble(publicKey);
  const grant = useChange('support.grant', {
    refreshes: ['support.list', 'audit.list'],
    timeoutMs: 60_000,
    onDone: (answer) => {
      setGiven(answer);
      setAsking(false);
      setUnderstood(false);
      setName('');
      setPublicKey('');
      setRoot(false);
      setChecked(false);
    },
  });
  const give = (confirmLong: boolean) =>
    grant.mutate({ name: name.trim(), publicKey: publicKey.trim(), minutes, root, confirmLong });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (badName || badKey) return;
    if (long) setAsking(true);
    else give(false);
  };

  return (
    <Card>
      <CardHeader
        title="Let somebody in"
        hint="By their SSH key, through the encrypted connection; no port is opened."
      />
      {given && <Handover given={given} onClose={() => setGiven(null)} />}
      <form onSubmit={onSubmit} noValidate className="flex flex-col gap-4 px-5 py-5" data-testid="grant-form">
        <Field label="Who" error={checked ? badName : undefined}>
          <Input
            value={name}
            maxLength={60}
            placeholder="Grace from support"
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
            data-testid="grant-name"
          />
        </Field>
        <Field
          label="Their public key"
          hint="Ask them for it. It is no secret; their private half never leaves them."
          error={checked ? badKey : undefined}
        >
          <TextArea
            value={publicKey}
            rows={3}
            maxLength={4000}
            placeholder="ssh-ed25519 AAAA…"
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setPublicKey(event.target.value)}
            className="resize-y break-all font-mono text-[0.8125rem]"
            data-testid="grant-key"
          />
        </Field>
        <Field
          label="For how long"
          hint="It ends by itself, even if we or your server’s connection are gone."
        >
          <Select
            value={minutes}
            onChange={(event) => setMinutes(Number(event.target.value))}
            data-testid="grant-minutes"
          >
            {durations.map(([count, text]) => (
              <option key={count} value={count}>
                {text}
              </option>
            ))}
          </Select>
        </Field>
        <Checkbox
          checked={root}
          onChange={(event) => setRoot(event.target.checked)}
          data-testid="grant-root"
          hint="Then they can read and change everything on this server, your conversations too. Without it they see logs and status."
        >
          With root
        </Checkbox>
        {grant.error !== null && !asking && <ErrorNotice trouble={troubleOf(grant.error)} />}
        <div className="flex justify-end border-line border-t pt-4">
          <Button
            type="submit"
            busy={grant.isPending}
            disabled={channelState.status !== 'open'}
            data-testid="grant-submit"
          >
            {!grant.isPending && <KeyRound size={15} aria-hidden />} Let them in
          </Button>
        </div>
      </form>
      <ConfirmDialog
        open={asking}
        title={`Let ${name.trim()} in for ${words}?`}
        hint="That is longer than most repairs take. You can end it at any time."
        confirm={`Let them in for ${words}`}
        tone="critical"
        ready={understood}
        busy={grant.isPending}
        error={grant.error}
        onConfirm={() => give(true)}
        onClose={() => {
          grant.reset();
          setAsking(false);
          setUnderstood(false);
        }}
        testId="grant-long"
      >
        <Checkbox
          checked={understood}
          onChange={(event) => setUnderstood(event.target.checked)}
          data-testid="grant-long-understood"
        >
          I know this person, and want them to be able to enter for all that time
          {root ? ', with root' : ''}.
        </Checkbox>
      </ConfirmDialog>
    </Card>
  );
}

function Handover({ given, onClose }: { given: Answer<'support.grant'>; onClose: () => void }) {
  const { grant, token, hostKey } = given;
  const ref = useRef<HTMLDivElement>(null);
  // It stands above the button that was pressed, and is shown once.
  useEffect(() => {
    ref.current?.scrollIntoView({ block: 'start' });
  }, []);
  const text = handoverText({
    origin: window.location.origin,
    grantId: grant.id,
    name: grant.name,
    token,
    hostKey,
    until: moment(grant.endsAt),
    root: grant.root,
  });
  return (
    <div ref={ref} className="scroll-mt-20 border-line border-b px-5 py-5" data-testid="handover">
      <Callout
        tone="positive"
        title={`${grant.name} may enter until ${moment(grant.endsAt)}`}
        className="mb-3"
      >
        Send them this. It is shown once, and of no use without their private key.
      </Callout>
      <CodeBlock text={text} caption="To hand over" wrap />
      <div className="mt-3 flex justify-end">
        <Button variant="secondary" size="sm" onClick={onClose} data-testid="handover-done">
          I have sent it
        </Button>
      </div>
    </div>
  );
}
