import { useMutation } from '@tanstack/react-query';
import { CircleAlert, CircleCheck, ScanSearch } from 'lucide-react';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { CodeBlock } from '../design/code-block.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Fact, Facts } from '../design/facts.tsx';
import { useConnection } from '../instance/connection.tsx';
import { useThisInstance } from '../pages/server.tsx';
import { useAsk } from './ask.ts';
import { askForStatement } from './attest-check.ts';
import { findingsOf, type Statement } from './attest-findings.ts';
import { AreaPage } from './layout.tsx';
import { moment, shortDigest } from './words.ts';

/** The server's own signed word on what runs on it, compared with what should. */
export function AttestArea() {
  const { id } = useThisInstance();
  const { channelState } = useConnection();
  const ask = useAsk();
  const attest = useMutation({ mutationFn: () => askForStatement(ask, id) });
  const check = attest.data?.check;
  return (
    <AreaPage
      title="What runs here"
      hint="Your server says what runs on it, and signs it. This browser checks the signature and compares."
    >
      <Card>
        <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
          <p className="max-w-[44ch] text-muted text-sm">
            It looks at itself anew each time: programs, open sockets, users, keys, timers, updates.
          </p>
          <Button
            busy={attest.isPending}
            disabled={channelState.status !== 'open'}
            onClick={() => attest.mutate()}
            data-testid="attest-ask"
          >
            {!attest.isPending && <ScanSearch size={15} aria-hidden />} Ask your server
          </Button>
        </div>
      </Card>
      {attest.error !== null && <ErrorNotice trouble={troubleOf(attest.error)} />}
      {check && !check.ok && (
        <Callout tone="critical" title="This statement can’t be believed" testId="attest-refused">
          {check.why}
        </Callout>
      )}
      {check?.ok && attest.data && (
        <StatementCard statement={check.statement} text={attest.data.answer.statement} />
      )}
      <Card>
        <CardHeader title="What this proves, and what it can’t" />
        <div className="flex flex-col gap-2.5 px-5 py-4 text-muted text-sm">
          <p>
            It proves that the holder of your server’s own key said this, now, in answer to you; that nobody
            changed it on its way; and that the agent says its file is the one that was published.
          </p>
          <p>
            It can’t prove that the agent tells the truth: whoever has taken over the whole machine can have
            it say anything. Nor what the model does, or what your cloud’s own staff could see. A security
            reviewer finds the details in <span className="font-mono text-xs">docs/hardening.md</span>.
          </p>
        </div>
      </Card>
    </AreaPage>
  );
}

function StatementCard({ statement, text }: { statement: Statement; text: string }) {
  const findings = findingsOf(statement);
  const odd = findings.filter(({ well }) => !well).length;
  return (
    <Card data-testid="statement">
      <CardHeader
        title={
          odd === 0
            ? 'All is as it should be'
            : odd === 1
              ? 'One thing to look at'
              : `${odd} things to look at`
        }
        hint={`Signed by your server, ${moment(statement.at)}`}
      />
      <ul className="divide-y divide-line">
        {findings.map(({ what, said, well }) => (
          <li key={what} className="flex gap-3 px-5 py-3" data-testid="finding" data-well={well}>
            {well ? (
              <CircleCheck size={17} aria-hidden className="mt-0.5 shrink-0 text-positive" />
            ) : (
              <CircleAlert size={17} aria-hidden className="mt-0.5 shrink-0 text-caution-ink" />
            )}
            <div className="min-w-0 sm:grid sm:flex-1 sm:grid-cols-[10rem_minmax(0,1fr)] sm:gap-x-4">
              <p className="font-medium text-sm">
                {what}
                <span className="sr-only">{well ? ' (as it should be)' : ' (look at this)'}</span>
              </p>
              <p className="break-words text-muted text-sm">{said}</p>
            </div>
          </li>
        ))}
      </ul>
      <div className="border-line border-t">
        <Facts>
          <Fact term="System">{statement.os}</Fact>
          <Fact term="Kernel">{statement.kernel}</Fact>
          <Fact term="Agent’s digest">
            <Digest value={statement.agent.sha256} />
          </Fact>
          <Fact term="Published digest">
            <Digest value={statement.agent.publishedSha256} />
          </Fact>
        </Facts>
        <details className="border-line border-t px-5 py-3.5">
          <summary className="w-fit text-muted text-sm underline decoration-line-strong underline-offset-4">
            All of it, as it was signed
          </summary>
          <div className="mt-3">
            <CodeBlock text={JSON.stringify(JSON.parse(text), null, 2)} />
          </div>
        </details>
      </div>
    </Card>
  );
}

function Digest({ value }: { value: string | null }) {
  return value === null ? (
    'not known'
  ) : (
    <span className="font-mono text-xs" title={value}>
      {shortDigest(value)}
    </span>
  );
}
