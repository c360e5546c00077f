import type { Instance, PowerWish } from '@claw-cloud/contracts';
import { Play, RotateCw, Square } from 'lucide-react';
import { useState } from 'react';
import { useCloud } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { StatusDot, type Tone } from '../design/status.tsx';
import { useOrder, useWorkUnderWay } from '../instance/operation.ts';
import { isChanging, stateWords } from '../instance/words.ts';
import { useThisInstance } from '../pages/server.tsx';

/** Whether the machine is on, what that costs, and its switch. */
export function PowerCard() {
  const instance = useThisInstance();
  const { api } = useOwner();
  const cloud = useCloud(instance.provider);
  const working = useWorkUnderWay() !== undefined || isChanging(instance);
  const [asking, setAsking] = useState<'stop' | 'reboot' | null>(null);
  const order = useOrder(
    (wish: PowerWish) => api.powerInstance(instance.id, wish),
    () => setAsking(null),
  );
  const { word, tone } = powerOf(instance);
  return (
    <Card data-testid="power">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 px-5 py-4">
        <div className="min-w-0 flex-1">
          <h3 className="flex items-center gap-2.5 font-semibold text-base" data-testid="power-word">
            <StatusDot tone={tone} live={isChanging(instance)} />
            {word}
          </h3>
          {cloud && (
            <p className="mt-0.5 max-w-[52ch] text-muted text-sm" data-testid="power-billing">
              {cloud.billing.stoppedNote}
            </p>
          )}
        </div>
        <div className="flex flex-wrap gap-2">
          {instance.state === 'stopped' ? (
            <Button
              size="sm"
              busy={order.isPending}
              disabled={working}
              onClick={() => order.mutate('start')}
              data-testid="power-start"
            >
              <Play size={14} aria-hidden /> Start
            </Button>
          ) : (
            <>
              <Button
                variant="secondary"
                size="sm"
                disabled={working || instance.state !== 'ready'}
                onClick={() => setAsking('reboot')}
                data-testid="power-reboot"
              >
                <RotateCw size={14} aria-hidden /> Restart
              </Button>
              <Button
                variant="secondary"
                size="sm"
                disabled={working || instance.state !== 'ready'}
                onClick={() => setAsking('stop')}
                data-testid="power-stop"
              >
                <Square size={13} aria-hidden /> Stop
              </Button>
            </>
          )}
        </div>
      </div>
      {order.error !== null && asking === null && (
        <ErrorNotice trouble={troubleOf(order.error)} className="mx-5 mb-4" />
      )}
      {instance.consoleUrl !== null && !cloud?.sandbox && (
        <p className="border-line border-t px-5 py-3">
          <ExternalLink href={instance.consoleUrl}>
            Open it in {cloud?.name ?? 'your cloud'}’s console
          </ExternalLink>
        </p>
      )}
      <ConfirmDialog
        open={asking === 'stop'}
        title="Stop this server?"
        hint="The assistant can’t be reached while it is off. Conversations, files and keys stay on its disk."
        confirm="Stop"
        busy={order.isPending}
        error={order.error}
        onConfirm={() => order.mutate('stop')}
        onClose={() => {
          order.reset();
          setAsking(null);
        }}
        testId="power-stop-dialog"
      >
        {cloud && (
          <Callout
            tone={cloud.billing.stopped === 'full' ? 'caution' : 'neutral'}
            title={costs[cloud.billing.stopped]}
          >
            {cloud.billing.stoppedNote}
          </Callout>
        )}
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === 'reboot'}
        title="Restart the whole machine?"
        hint="What the assistant is doing right now is cut off. It is back in a minute or two."
        confirm="Restart"
        busy={order.isPending}
        error={order.error}
        onConfirm={() => order.mutate('reboot')}
        onClose={() => {
          order.reset();
          setAsking(null);
        }}
        testId="power-reboot-dialog"
      />
    </Card>
  );
}

const costs = {
  full: 'It goes on costing the same',
  part: 'Part of it goes on costing',
  nothing: 'It costs nothing while it is off',
} as const;

function powerOf(instance: Instance): { word: string; tone: Tone } {
  if (instance.state === 'ready') return { word: 'Running', tone: 'positive' };
  if (instance.state === 'stopped') return { word: 'Stopped', tone: 'neutral' };
  return { word: stateWords[instance.state], tone: instance.state === 'failed' ? 'critical' : 'accent' };
}
