import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { auditWords } from '../app/audit-words.ts';
import { useAudit } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { Badge, type Tone } from '../design/status.tsx';
import { useConnection } from '../instance/connection.tsx';
import { loadOwnerClient } from '../keys/owner.ts';
import { useThisInstance } from '../pages/server.tsx';
import { type Answer, type Ask, answerKey, useAsk } from './ask.ts';
import { type AuditVerdict, judgeAudit, type Known } from './audit-verdict.ts';
import { Answers } from './layout.tsx';
import { moment } from './words.ts';

type Entry = Answer<'audit.list'>['entries'][number];
const pageSize = 500;
const pages = 20;
const shownAtFirst = 8;

async function loadRecord(
  ask: Ask,
  instanceId: string,
): Promise<{ entries: Entry[]; verdict: AuditVerdict }> {
  const entries: Entry[] = [];
  for (let page = 0; page < pages; page += 1) {
    const after = entries.at(-1)?.seq ?? 0;
    const { entries: some, head } = await ask('audit.list', { after, limit: pageSize });
    entries.push(...some);
    if (some.length === 0 || (entries.at(-1)?.seq ?? 0) >= head) break;
  }
  const { verifyAuditChain } = await loadOwnerClient();
  const chain = await verifyAuditChain(entries);
  const verdict = judgeAudit(entries, chain, readKnown(instanceId));
  if (chain.ok && verdict.ok) writeKnown(instanceId, chain.newest);
  return { entries, verdict };
}

const keyOf = (instanceId: string) => `claw-audit/${instanceId}`;

function readKnown(instanceId: string): Known | undefined {
  try {
    const known = JSON.parse(localStorage.getItem(keyOf(instanceId)) ?? 'null') as Partial<Known> | null;
    return typeof known?.seq === 'number' && typeof known.hash === 'string'
      ? { seq: known.seq, hash: known.hash }
      : undefined;
  } catch {
    return undefined;
  }
}
function writeKnown(instanceId: string, { seq, hash }: Known): void {
  try {
    localStorage.setItem(keyOf(instanceId), JSON.stringify({ seq, hash }));
  } catch {
    // Without storage each visit begins anew.
  }
}

/** What was allowed and refused, told twice: by the server, whose record can't be altered, and by the control plane. */
export function AuditCards() {
  const instance = useThisInstance();
  const { channelState } = useConnection();
  const { ownerId } = useOwner();
  const ask = useAsk();
  const own = useQuery({
    queryKey: [...answerKey(instance.id, 'audit.list'), 'whole'],
    queryFn: () => loadRecord(ask, instance.id),
    enabled: channelState.status === 'open',
  });
  const told = useAudit();
  const nameOf = (actor: string) =>
    actor === ownerId ? 'You' : actor === instance.id ? 'The server' : actor.replace(/^owner:/, 'You, with ');
  const theirs = told.data?.filter(
    ({ target, detail }) => target === instance.id || detail.instanceId === instance.id,
  );
  return (
    <>
      <Card data-testid="audit-own">
        <CardHeader
          title="Your server’s own record"
          hint="Each entry carries a seal over the one before it, so none can be changed or taken out unnoticed; not by us either."
          action={
            <div className="flex shrink-0 items-center gap-2">
              {own.data?.verdict.ok && <Badge tone="positive">unbroken</Badge>}
              <Button
                variant="ghost"
                size="sm"
                busy={own.isFetching}
                disabled={channelState.status !== 'open'}
                onClick={() => own.refetch()}
                data-testid="audit-check"
              >
                Check again
              </Button>
            </div>
          }
        />
        <Answers query={own} label="Fetching the record" rows={1}>
          {({ entries, verdict }) => (
            <>
              {!verdict.ok && (
                <Callout
                  tone="critical"
                  title="This record was altered"
                  className="mx-5 mt-4"
                  testId="audit-broken"
                >
                  {verdict.why} Somebody with power over your server may have changed it.
                </Callout>
              )}
              <Lines
                testId="audit-own-entry"
                lines={entries.toReversed().map(({ seq, at, actor, action, outcome, detail }) => ({
                  key: String(seq),
                  at,
                  who: nameOf(actor),
                  action,
                  outcome,
                  detail,
                }))}
              />
            </>
          )}
        </Answers>
      </Card>
      <Card data-testid="audit-theirs">
        <CardHeader
          title="The control plane’s record"
          hint="What we noted about this server. The two should agree."
        />
        <Lines
          testId="audit-their-entry"
          lines={(theirs ?? []).map(({ id, at, actor, action, outcome, detail }) => ({
            key: id,
            at,
            who: nameOf(actor),
            action,
            outcome,
            detail,
          }))}
        />
      </Card>
    </>
  );
}

interface Line {
  readonly key: string;
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly outcome: Entry['outcome'];
  readonly detail: Record<string, unknown>;
}

const tones: Record<Line['outcome'], Tone> = {
  allowed: 'neutral',
  succeeded: 'positive',
  denied: 'critical',
  failed: 'critical',
};

function Lines({ lines, testId }: { lines: readonly Line[]; testId: string }) {
  const [all, setAll] = useState(false);
  if (lines.length === 0) return <p className="px-5 py-4 text-muted">Nothing is noted yet.</p>;
  return (
    <div>
      <ul className="divide-y divide-line">
        {(all ? lines : lines.slice(0, shownAtFirst)).map(({ key, at, who, action, outcome, detail }) => (
          <li key={key} data-testid={testId} className="px-5 py-2.5 text-sm">
            <div className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
              <span title={action}>{auditWords(action)}</span>
              <Badge tone={tones[outcome]}>{outcome}</Badge>
              <time dateTime={at} className="ml-auto text-faint text-xs tabular-nums">
                {moment(at)}
              </time>
            </div>
            <p className="mt-0.5 break-words text-muted text-xs">
              {who}
              {detailText(detail) && ` · ${detailText(detail)}`}
            </p>
          </li>
        ))}
      </ul>
      {lines.length > shownAtFirst && (
        <div className="border-line border-t px-3 py-2">
          <Button variant="ghost" size="sm" onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show all ${lines.length}`}
          </Button>
        </div>
      )}
    </div>
  );
}

/** The plain values of an entry's detail, in one line. */
function detailText(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, 6)
    .map(([name, value]) => `${name} ${String(value).slice(0, 120)}`)
    .join(', ');
}
