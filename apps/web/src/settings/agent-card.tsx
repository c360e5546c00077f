import { useState } from 'react';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Fact, Facts } from '../design/facts.tsx';
import { useToast } from '../design/toast.tsx';
import { type Answer, useChange } from './ask.ts';
import { shortDigest } from './words.ts';

/** The agent: which one runs, which one is published, and the step from the one to the other. */
export function AgentCard({ agent }: { agent: Answer<'updates.get'>['agent'] }) {
  const toast = useToast();
  const [asking, setAsking] = useState(false);
  const { latest } = agent;
  const newer = latest !== null && latest.sha256 !== agent.sha256;
  const update = useChange('agent.update', {
    refreshes: ['updates.get', 'instance.health'],
    timeoutMs: 5 * 60_000,
    onDone: ({ outcome }) => {
      setAsking(false);
      toast(
        outcome === 'started'
          ? 'The agent is being updated; this page connects again by itself.'
          : 'That is the agent which runs already.',
      );
    },
  });
  return (
    <Card data-testid="agent">
      <CardHeader
        title="Agent"
        hint="The small program that connects your server with you."
        action={
          newer && (
            <Button
              variant="secondary"
              size="sm"
              onClick={() => setAsking(true)}
              data-testid="agent-update-open"
            >
              Update to {latest.version}
            </Button>
          )
        }
      />
      <Facts>
        <Fact term="Runs" testId="agent-version">
          {agent.version}
        </Fact>
        <Fact term="Published">{latest ? latest.version : 'nothing newer was offered'}</Fact>
        <Fact term="Its digest">
          <Digest value={agent.sha256} />
        </Fact>
        <Fact term="Published digest">
          <Digest value={latest?.sha256 ?? null} />
        </Fact>
      </Facts>
      {latest && (
        <ConfirmDialog
          open={asking}
          title={`Update the agent to ${latest.version}?`}
          hint="Your server fetches it and refuses anything whose digest is another. This page loses its connection for some seconds."
          confirm="Update the agent"
          busy={update.isPending}
          error={update.error}
          onConfirm={() => update.mutate({ sha256: latest.sha256, version: latest.version })}
          onClose={() => {
            update.reset();
            setAsking(false);
          }}
          testId="agent-update"
        >
          <p className="text-muted">
            If the new one can’t report within its time, the old one takes over again. The assistant keeps
            running meanwhile.
          </p>
          <p className="break-all rounded-md border border-line bg-sunken px-3 py-2 font-mono text-xs">
            {latest.sha256}
          </p>
        </ConfirmDialog>
      )}
    </Card>
  );
}

function Digest({ value }: { value: string | null }) {
  if (value === null) return 'not known';
  return (
    <span className="font-mono text-xs" title={value}>
      {shortDigest(value)}
    </span>
  );
}
