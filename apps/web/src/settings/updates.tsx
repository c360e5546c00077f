import { ChannelError } from '@claw-cloud/owner-client/api';
import { useState } from 'react';
import { Markdown } from '../chat/markdown.tsx';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input } from '../design/field.tsx';
import { PhaseList, type PhaseState } from '../design/phase-list.tsx';
import { Popover } from '../design/popover.tsx';
import { useToast } from '../design/toast.tsx';
import { AgentCard } from './agent-card.tsx';
import { type Answer, useAnswer, useChange } from './ask.ts';
import { Answers, AreaPage } from './layout.tsx';
import { situationOf, updateSteps, versionTrouble } from './update-view.ts';
import { moment } from './words.ts';

type Updates = Answer<'updates.get'>;
const refreshes = ['updates.get', 'instance.health', 'backup.list'] as const;
/** The longest silence of an update that goes on: fetching a large package says nothing for a while. */
const updateSilenceMs = 10 * 60_000;

/** Which OpenClaw runs, what there is newer, and the way there and back. */
export function UpdatesArea() {
  const updates = useAnswer('updates.get', {}, { everyMs: (known) => (known?.running ? 2_000 : 60_000) });
  return (
    <AreaPage title="Updates" hint="Nothing is updated by itself: you decide when, and can go back.">
      <Answers query={updates} label="Asking which version runs" rows={3}>
        {(data) => (
          <>
            <OpenClawCard updates={data} />
            <AgentCard agent={data.agent} />
          </>
        )}
      </Answers>
    </AreaPage>
  );
}

function OpenClawCard({ updates }: { updates: Updates }) {
  const toast = useToast();
  const [asking, setAsking] = useState<'update' | 'rollback' | 'pin' | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const situation = situationOf(updates, Date.now());
  const apply = useChange('updates.apply', { refreshes, timeoutMs: updateSilenceMs });
  const rollback = useChange('updates.rollback', { refreshes, timeoutMs: updateSilenceMs });
  const snooze = useChange('updates.snooze', {
    refreshes: ['updates.get'],
    onDone: (_, { days }) => toast(`You are reminded in ${days === 1 ? 'a day' : `${days} days`}.`),
  });
  const pin = useChange('updates.pin', { refreshes: ['updates.get'], onDone: () => setAsking(null) });
  const running = apply.isPending || rollback.isPending || situation.kind === 'running';
  const target = chosen ?? updates.latest?.version ?? '';

  return (
    <Card data-testid="openclaw">
      <div className="flex flex-wrap items-start justify-between gap-4 px-5 py-4">
        <div>
          <h3 className="font-semibold text-base">OpenClaw</h3>
          <p className="mt-1 font-mono text-lg tabular-nums" data-testid="update-current">
            {updates.current}
          </p>
          <p className="mt-0.5 text-muted text-sm" data-testid="update-situation">
            <Situation updates={updates} />
          </p>
        </div>
        {!running && (
          <div className="flex flex-wrap gap-2">
            {(situation.kind === 'offered' || situation.kind === 'snoozed') && (
              <Button
                onClick={() => {
                  setChosen(null);
                  setAsking('update');
                }}
                data-testid="update-open"
              >
                Update to {situation.version}
              </Button>
            )}
            {situation.kind === 'offered' && (
              <Popover
                trigger="Later"
                triggerClass="inline-flex h-9.5 items-center rounded-md border border-line-strong/70 bg-surface px-4 font-medium text-base shadow-1 hover:border-line-strong hover:bg-sunken"
                className="w-44 p-1.5"
                testId="update-later"
              >
                {(close) =>
                  [1, 7, 30].map((days) => (
                    <Button
                      key={days}
                      variant="ghost"
                      size="sm"
                      className="w-full justify-start"
                      data-testid={`snooze-${days}`}
                      onClick={() => {
                        snooze.mutate({ days });
                        close();
                      }}
                    >
                      In {days === 1 ? 'a day' : `${days} days`}
                    </Button>
                  ))
                }
              </Popover>
            )}
          </div>
        )}
      </div>

      <div className="flex flex-col gap-4 px-5 pb-5">
        {running && (
          <UpdateProgress
            title={
              rollback.isPending
                ? `Going back to ${updates.previous}`
                : `Updating to ${situation.kind === 'running' ? situation.to : target}`
            }
            at={
              (rollback.isPending ? rollback.progress : apply.progress).at(-1)?.step ??
              (situation.kind === 'running' ? situation.step : undefined)
            }
            words={(rollback.isPending ? rollback.progress : apply.progress).at(-1)?.message}
          />
        )}
        {!running && apply.error !== null && !told(apply.error, updates) && (
          <ErrorNotice
            trouble={troubleOf(apply.error)}
            action={
              <Button variant="secondary" size="sm" onClick={() => setAsking('update')}>
                Try again
              </Button>
            }
          />
        )}
        {!running && rollback.error !== null && <ErrorNotice trouble={troubleOf(rollback.error)} />}
        {snooze.error !== null && <ErrorNotice trouble={troubleOf(snooze.error)} />}
        {!running && <LastUpdate last={updates.last} />}
        {updates.latest && situation.kind !== 'newest' && (
          <section aria-label={`What is new in ${updates.latest.version}`} data-testid="changelog">
            <h4 className="mb-2 text-faint text-xs">
              What is new in {updates.latest.version}, of {moment(updates.latest.releasedAt)}
            </h4>
            <div className="max-h-80 overflow-auto rounded-lg border border-line bg-sunken/60 px-4 py-3.5 text-sm">
              <Markdown text={updates.latest.changelog || 'Nothing was written about it.'} />
            </div>
          </section>
        )}
      </div>

      {!running && (
        <div className="flex flex-wrap items-center gap-x-5 gap-y-2 border-line border-t px-5 py-3.5 text-sm">
          {updates.previous !== null && (
            <LinkButton onClick={() => setAsking('rollback')} testId="rollback-open">
              Go back to {updates.previous}
            </LinkButton>
          )}
          {updates.pinned === null ? (
            <LinkButton onClick={() => setAsking('pin')} testId="pin-open">
              Stay at a version
            </LinkButton>
          ) : (
            <LinkButton onClick={() => pin.mutate({ version: null })} testId="unpin">
              Offer updates again
            </LinkButton>
          )}
        </div>
      )}

      <ConfirmDialog
        open={asking === 'update'}
        title={`Update to ${target}?`}
        confirm="Update now"
        busy={false}
        error={null}
        onConfirm={() => {
          setAsking(null);
          rollback.reset();
          apply.mutate({ version: target });
        }}
        onClose={() => setAsking(null)}
        testId="update"
      >
        <ol className="flex list-decimal flex-col gap-1.5 pl-5 text-muted">
          <li>
            The new version is installed beside the old one and tried out with a copy of the assistant’s
            memory, while the old one goes on answering you.
          </li>
          <li>Then they change places. Answers under way are cut off; it is away for about half a minute.</li>
          <li>
            Whatever fails on the way: the old version serves again with its memory untouched, and you are
            told why.
          </li>
        </ol>
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === 'rollback'}
        title={`Go back to ${updates.previous}?`}
        hint="The former version is started again, with its memory as it was just before the last change."
        confirm="Go back"
        tone="critical"
        busy={false}
        error={null}
        onConfirm={() => {
          setAsking(null);
          apply.reset();
          rollback.mutate({});
        }}
        onClose={() => setAsking(null)}
        testId="rollback"
      >
        <Callout tone="caution" title="What was said since then is not in it">
          It is set aside on your server, so that you can come forward to {updates.current} again. The
          assistant is away for about half a minute.
        </Callout>
      </ConfirmDialog>
      <PinDialog
        open={asking === 'pin'}
        current={updates.current}
        pin={pin}
        onClose={() => {
          pin.reset();
          setAsking(null);
        }}
        onInstall={(version) => {
          setChosen(version);
          setAsking('update');
        }}
      />
    </Card>
  );
}

/** Whether an update's failure stands in the account of the last one anyhow, with its reason. */
const told = (error: unknown, { last }: Updates): boolean =>
  last?.outcome === 'failed' && error instanceof ChannelError && error.code === 'update_failed';

function Situation({ updates }: { updates: Updates }) {
  const situation = situationOf(updates, Date.now());
  switch (situation.kind) {
    case 'running':
      return `${situation.to} is being installed.`;
    case 'pinned':
      return `You stay at ${situation.version}: nothing newer is offered.`;
    case 'snoozed':
      return `${situation.version} is available; you are reminded on ${moment(situation.until)}.`;
    case 'offered':
      return `${situation.version} is available.`;
    case 'newest':
      return 'You have the newest version that is offered to you.';
  }
}

function LinkButton({
  onClick,
  children,
  testId,
}: {
  onClick: () => void;
  children: React.ReactNode;
  testId: string;
}) {
  return (
    <button
      type="button"
      onClick={onClick}
      data-testid={testId}
      className="rounded-sm text-muted underline decoration-line-strong underline-offset-4 hover:text-ink"
    >
      {children}
    </button>
  );
}

function UpdateProgress({
  title,
  at,
  words,
}: {
  title: string;
  at: string | undefined;
  words: string | undefined;
}) {
  const index = updateSteps.findIndex(([step]) => step === at);
  const stateOf = (position: number): PhaseState =>
    position < index ? 'done' : position === index ? 'active' : 'pending';
  return (
    <div className="rounded-lg border border-line px-4 py-4" data-testid="update-progress">
      <p className="mb-3 font-medium">{title}</p>
      {index >= 0 ? (
        <PhaseList
          label={title}
          phases={updateSteps.map(([step, text], position) => ({
            id: `update-${step}`,
            title: text,
            state: stateOf(position),
          }))}
        />
      ) : (
        <p role="status" className="text-muted text-sm">
          {words ?? 'Under way…'}
        </p>
      )}
      <p className="mt-3 text-muted text-sm">It goes on if you close this page.</p>
    </div>
  );
}

function LastUpdate({ last }: { last: Updates['last'] }) {
  if (last === null) return null;
  const { from, to, at, outcome, reason, downSeconds } = last;
  const away = downSeconds > 0 ? `It was away for ${Math.round(downSeconds)} s.` : '';
  if (outcome !== 'failed') {
    const what =
      from === to
        ? 'A backup was put back'
        : outcome === 'rolled_back'
          ? `You went back from ${from} to ${to}`
          : `${from} became ${to}`;
    return (
      <p className="text-muted text-sm" data-testid="update-last" data-outcome={outcome}>
        {what} on {moment(at)}. {away}
      </p>
    );
  }
  return (
    <Callout
      tone="caution"
      testId="update-last"
      title={
        from === to
          ? 'The backup could not be put back; everything is as it was'
          : `${to} did not work here, so your old version ${from} is back`
      }
    >
      <p className="break-words">{reason ?? 'No reason was given.'}</p>
      <p className="mt-1">
        Your conversations are as they were. {away || 'The assistant went on answering all the while.'} That
        was on {moment(at)}.
      </p>
    </Callout>
  );
}

function PinDialog({
  open,
  current,
  pin,
  onClose,
  onInstall,
}: {
  open: boolean;
  current: string;
  pin: ReturnType<typeof useChange<'updates.pin'>>;
  onClose: () => void;
  onInstall: (version: string) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const version = (typed ?? current).trim();
  const trouble = versionTrouble(version);
  return (
    <ConfirmDialog
      open={open}
      title="Stay at a version"
      hint="Nothing newer is offered until you end it. Mind that fixes of security are not offered either."
      confirm={version === current ? 'Stay at it' : 'Install and stay'}
      ready={!trouble}
      busy={pin.isPending}
      error={pin.error}
      onConfirm={() =>
        pin.mutate(
          { version },
          {
            onSuccess: () => {
              setTyped(null);
              if (version !== current) onInstall(version);
            },
          },
        )
      }
      onClose={() => {
        setTyped(null);
        onClose();
      }}
      testId="pin"
    >
      <Field label="Version" error={typed !== null ? trouble : undefined} hint={`You have ${current} now.`}>
        <Input
          value={typed ?? current}
          onChange={(event) => setTyped(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          className="font-mono"
          data-testid="pin-version"
        />
      </Field>
    </ConfirmDialog>
  );
}
