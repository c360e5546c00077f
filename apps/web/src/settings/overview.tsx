import type { InstanceHealth } from '@claw-cloud/contracts';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { RotateCw, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { Button, ButtonLink } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { CopyButton } from '../design/code-block.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { Fact, Facts } from '../design/facts.tsx';
import { Meter } from '../design/meter.tsx';
import { money } from '../design/price-tag.tsx';
import { StatusDot } from '../design/status.tsx';
import { useToast } from '../design/toast.tsx';
import { useConnection } from '../instance/connection.tsx';
import { DestroyDialog } from '../instance/destroy-dialog.tsx';
import { ago } from '../instance/words.ts';
import { useThisInstance } from '../pages/server.tsx';
import { useAnswer, useAsk } from './ask.ts';
import { gatewayNow, lastRestart } from './health.ts';
import { AreaPage } from './layout.tsx';
import { megabytes, moment, span } from './words.ts';

const healthEveryMs = 10_000;

/** How the server is, what it is, and the two ends of it: a restart, and its destruction. */
export function OverviewArea() {
  const instance = useThisInstance();
  const [destroying, setDestroying] = useState(false);
  const ejected = instance.ejectedAt !== null;
  const asked = instance.state === 'ready' && !ejected;
  return (
    <AreaPage title="Overview">
      {ejected && instance.ejectedAt && (
        <Callout testId="ejected" title="This server is yours alone">
          It said goodbye on {moment(instance.ejectedAt)}. We can’t reach it, see it or update it any more:
          you look after it over SSH, at the address your cloud’s console shows. What was made in your cloud
          account is still known here, so that you can destroy it.
        </Callout>
      )}
      {instance.state === 'stopped' && (
        <Callout
          testId="stopped"
          title="This server is switched off"
          action={
            <ButtonLink
              to="/servers/$instanceId/settings/machine"
              params={{ instanceId: instance.id }}
              variant="secondary"
              size="sm"
            >
              Start it again
            </ButtonLink>
          }
        >
          Its conversations and files are on its disk.
        </Callout>
      )}
      {asked && <HealthCard />}
      <Card>
        <CardHeader title="Server" />
        <Facts>
          <Fact term="Region">{instance.region}</Fact>
          <Fact term="Size">{instance.size}</Fact>
          <Fact term="Price">
            {instance.monthlyPrice !== null && instance.currency !== null
              ? `${money(instance.monthlyPrice, instance.currency)} a month`
              : 'not known yet'}
          </Fact>
          <Fact term="Since">{moment(instance.createdAt)}</Fact>
          {!asked && (
            <>
              <Fact term="OpenClaw">{instance.openclawVersion ?? 'not registered yet'}</Fact>
              <Fact term="Agent">{instance.agentVersion ?? 'not registered yet'}</Fact>
            </>
          )}
          <Fact term="Id">
            <span className="inline-flex items-center gap-1 font-mono text-xs">
              <span className="break-all">{instance.id}</span>
              <CopyButton text={instance.id} label="Copy the id" />
            </span>
          </Fact>
        </Facts>
      </Card>
      <Card>
        <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
          <div>
            <h3 className="font-semibold text-base">Destroy this server</h3>
            <p className="mt-0.5 max-w-[46ch] text-muted text-sm">
              Deletes the machine and everything made for it in your cloud account, and shows a receipt.
            </p>
          </div>
          <Button
            variant="critical-quiet"
            disabled={instance.state === 'destroying'}
            onClick={() => setDestroying(true)}
            data-testid="destroy-open"
          >
            <Trash2 size={15} aria-hidden /> Destroy
          </Button>
        </div>
      </Card>
      <DestroyDialog open={destroying} instance={instance} onClose={() => setDestroying(false)} />
    </AreaPage>
  );
}

function HealthCard() {
  const instance = useThisInstance();
  const { channelState } = useConnection();
  const live = useAnswer('instance.health', {}, { everyMs: healthEveryMs });
  const connected = channelState.status === 'open';
  const health = (connected ? live.data : undefined) ?? instance.health ?? undefined;
  const now = gatewayNow(health, connected || instance.online);
  const [restarting, setRestarting] = useState(false);
  return (
    <Card data-testid="health">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-3 border-line border-b px-5 py-4">
        <div className="min-w-0 flex-1">
          <h3 className="flex items-center gap-2.5 font-semibold text-base" data-testid="health-word">
            <StatusDot tone={now.tone} live={now.live} />
            {now.word}
          </h3>
          <p className="mt-0.5 text-muted text-sm" data-testid="health-seen">
            {connected && live.data
              ? 'Asked of your server just now, through the encrypted connection.'
              : instance.healthAt
                ? `It was last heard from ${ago(instance.healthAt)}.`
                : 'Nothing was heard from it yet.'}
          </p>
        </div>
        <Button
          variant="secondary"
          size="sm"
          onClick={() => setRestarting(true)}
          disabled={!connected && !instance.online}
          data-testid="restart-open"
        >
          <RotateCw size={14} aria-hidden /> Restart the assistant
        </Button>
      </header>
      {health ? <HealthFacts health={health} /> : <p className="px-5 py-4 text-muted">No numbers yet.</p>}
      <p className="border-line border-t px-5 py-3 text-sm">
        <Link
          to="/servers/$instanceId/timeline"
          params={{ instanceId: instance.id }}
          className="text-muted underline decoration-line-strong underline-offset-4 hover:text-ink"
        >
          Restarts, updates and visits in its timeline
        </Link>
      </p>
      <RestartDialog open={restarting} onClose={() => setRestarting(false)} onDone={() => live.refetch()} />
    </Card>
  );
}

function HealthFacts({ health }: { health: InstanceHealth }) {
  const { machine, gatewayCheck } = health;
  return (
    <>
      {machine?.rebootRequired && (
        <Callout
          tone="caution"
          title="A security update waits for a restart of the machine"
          className="mx-5 mt-4"
        >
          It restarts by itself in its nightly window; nothing needs to be done.
        </Callout>
      )}
      {machine && (
        <div className="grid gap-x-8 gap-y-4 px-5 pt-4 sm:grid-cols-2">
          <Usage
            label="Memory"
            used={machine.memoryTotalMb - machine.memoryAvailableMb}
            total={machine.memoryTotalMb}
            testId="health-memory"
          />
          <Usage
            label="Disk"
            used={machine.diskTotalMb - machine.diskFreeMb}
            total={machine.diskTotalMb}
            testId="health-disk"
          />
        </div>
      )}
      <Facts>
        {machine && (
          <>
            <Fact term="Machine running for" testId="health-uptime">
              {span(machine.uptimeSeconds)}
            </Fact>
            <Fact term="Load">{machine.load1.toFixed(2)}</Fact>
          </>
        )}
        <Fact term="OpenClaw" testId="health-openclaw">
          {health.openclawVersion ?? 'not installed'}
        </Fact>
        <Fact term="Agent" testId="health-agent">
          {health.agentVersion}, running for {span(health.uptimeSeconds)}
        </Fact>
        {gatewayCheck && (
          <>
            <Fact term="Last answered its health check" testId="health-check">
              {gatewayCheck.lastOkSecondsAgo === null
                ? 'not yet'
                : `${span(gatewayCheck.lastOkSecondsAgo)} ago`}
              {gatewayCheck.missesInARow > 0 && `, then missed ${gatewayCheck.missesInARow} in a row`}
            </Fact>
            <Fact term="Restarts of the assistant" testId="health-restarts">
              {lastRestart(gatewayCheck)}
            </Fact>
            {gatewayCheck.memoryMb !== null && (
              <Fact term="Memory of the assistant">{megabytes(gatewayCheck.memoryMb)}</Fact>
            )}
          </>
        )}
        {machine?.kind === 'process' && <Fact term="Kind">a process of the sandbox, not a machine</Fact>}
      </Facts>
    </>
  );
}

function Usage({
  label,
  used,
  total,
  testId,
}: {
  label: string;
  used: number;
  total: number;
  testId: string;
}) {
  const fraction = total > 0 ? used / total : 0;
  return (
    <div data-testid={testId}>
      <div className="mb-1.5 flex items-baseline justify-between gap-3 text-sm">
        <span className="text-faint text-xs">{label}</span>
        <span className="tabular-nums">
          {megabytes(used)} <span className="text-faint">of {megabytes(total)}</span>
        </span>
      </div>
      <Meter
        fraction={fraction}
        tone={fraction > 0.92 ? 'critical' : fraction > 0.8 ? 'caution' : 'neutral'}
      />
    </div>
  );
}

function RestartDialog({
  open,
  onClose,
  onDone,
}: {
  open: boolean;
  onClose: () => void;
  onDone: () => void;
}) {
  const instance = useThisInstance();
  const { api } = useOwner();
  const { channelState } = useConnection();
  const ask = useAsk();
  const toast = useToast();
  const direct = channelState.status === 'open';
  const restart = useMutation({
    // Through the encrypted connection where there is one; the control plane may ask for this one thing besides.
    mutationFn: async () => {
      if (direct) await ask('gateway.restart', {}, { timeoutMs: 90_000 });
      else await api.restartGateway(instance.id);
    },
    onSuccess: () => {
      toast('The assistant is being restarted.');
      onClose();
      onDone();
    },
  });
  return (
    <ConfirmDialog
      open={open}
      title="Restart the assistant?"
      hint="What it is answering right now is cut off. Conversations and files stay. It is back in about half a minute."
      confirm="Restart"
      busy={restart.isPending}
      error={restart.error}
      onConfirm={() => restart.mutate()}
      onClose={() => {
        restart.reset();
        onClose();
      }}
      testId="restart"
    >
      {!direct && (
        <p className="text-muted text-sm">
          There is no encrypted connection at the moment, so the control plane asks the server for you.
        </p>
      )}
    </ConfirmDialog>
  );
}
