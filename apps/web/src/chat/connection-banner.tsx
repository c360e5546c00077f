import type { ChannelProblem, ChannelState, GatewayState } from '@claw-cloud/owner-client/api';
import { ShieldAlert, Unplug } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, ButtonLink } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { useConnection } from '../instance/connection.tsx';
import { useThisInstance } from '../pages/server.tsx';

/** What a code of another browser, or the recovery code, can mend. */
const needsKeys: ReadonlySet<string> = new Set(['device_unknown', 'device_not_enrolled', 'pairing_used']);

/** Says why nothing comes through at the moment, and what happens next. Nothing while all is well. */
export function ConnectionBanner() {
  const { connection, channelState, gatewayState } = useConnection();
  const instance = useThisInstance();
  const said = describe(channelState, gatewayState);
  // A hiccup of a second is nobody's concern.
  const shown = useLate(said !== null && !said.now, 1200) || said?.now === true;
  if (!said || !shown) return null;
  const { problem } = said;
  const keyless = channelState.status === 'failed' && needsKeys.has(channelState.problem.code);
  const Icon = problem.security ? ShieldAlert : Unplug;
  return (
    <div
      role={problem.security ? 'alert' : 'status'}
      data-testid="connection-banner"
      className={classes(
        'flex animate-rise flex-wrap items-center gap-x-3 gap-y-1.5 border-b px-4 py-2.5 text-sm sm:px-6',
        problem.security ? 'border-critical/30 bg-critical-soft' : 'border-caution/30 bg-caution-soft',
      )}
    >
      <Icon
        size={15}
        aria-hidden
        className={classes('shrink-0', problem.security ? 'text-critical-ink' : 'text-caution-ink')}
      />
      <p className="min-w-0 flex-1 basis-64">
        <span className="font-medium">{problem.message}</span>{' '}
        <span className="text-muted">{problem.fix}</span>
      </p>
      {channelState.status === 'waiting' && <Countdown until={channelState.retryAt} />}
      {keyless && (
        <ButtonLink to="/link" search={{ server: instance.id }} size="sm" data-testid="link-this-browser">
          Link this browser
        </ButtonLink>
      )}
      {(channelState.status === 'waiting' || channelState.status === 'failed') && (
        <Button variant="secondary" size="sm" onClick={() => connection?.channel.retry()}>
          Try now
        </Button>
      )}
    </div>
  );
}

function describe(
  channel: ChannelState,
  gateway: GatewayState,
): { problem: Pick<ChannelProblem, 'message' | 'fix' | 'security'>; now: boolean } | null {
  if (channel.status === 'failed') return { problem: channel.problem, now: true };
  if (channel.status === 'waiting') return { problem: channel.problem, now: channel.problem.security };
  if (channel.status === 'connecting')
    return channel.problem ? { problem: channel.problem, now: channel.problem.security } : null;
  if (channel.status === 'open' && channel.warning) return { problem: channel.warning, now: true };
  if (channel.status === 'open' && gateway.status === 'disconnected') {
    return {
      problem: {
        message: 'OpenClaw is starting on your server.',
        fix: 'The connection is there; answers come as soon as it is up.',
        security: false,
      },
      now: false,
    };
  }
  return null;
}

/** True once `on` has been true for so long. */
function useLate(on: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!on) {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [on, ms]);
  return late;
}

function Countdown({ until }: { until: number }) {
  const [left, setLeft] = useState(() => until - Date.now());
  useEffect(() => {
    setLeft(until - Date.now());
    const timer = setInterval(() => setLeft(until - Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  if (left < 500) return null;
  return <span className="text-faint text-xs tabular-nums">again in {Math.ceil(left / 1000)} s</span>;
}
