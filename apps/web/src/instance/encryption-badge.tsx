import type { ChannelState } from '@claw-cloud/owner-client/api';
import { Lock, LockOpen, ShieldAlert } from 'lucide-react';
import { classes } from '../design/classes.ts';
import { Popover } from '../design/popover.tsx';
import { Spinner } from '../design/spinner.tsx';
import { useConnection } from './connection.tsx';

/** Whether the chat is encrypted to the server right now, and by which keys. */
export function EncryptionBadge() {
  const { channelState } = useConnection();
  const { text, tone, icon } = look(channelState);
  return (
    <Popover
      trigger={
        <>
          {icon}
          <span className="hidden sm:inline">{text}</span>
        </>
      }
      label={text}
      triggerClass={classes(
        'inline-flex h-7 items-center gap-1.5 rounded-full border px-2.5 text-xs font-medium transition-colors',
        tone === 'positive' &&
          'border-positive/30 bg-positive-soft text-positive-ink hover:border-positive/60',
        tone === 'neutral' && 'border-line bg-surface text-muted hover:text-ink',
        tone === 'critical' && 'border-critical/40 bg-critical-soft text-critical-ink',
      )}
      className="w-80 max-w-[calc(100vw-2rem)] p-4"
    >
      <div data-testid="encryption-status" data-state={channelState.status}>
        <Details state={channelState} />
      </div>
    </Popover>
  );
}

function look(state: ChannelState) {
  if (state.status === 'open' && state.warning?.security) {
    return {
      text: 'Encrypted, with a warning',
      tone: 'critical' as const,
      icon: <ShieldAlert size={13} aria-hidden />,
    };
  }
  if (state.status === 'open') {
    return { text: 'End-to-end encrypted', tone: 'positive' as const, icon: <Lock size={13} aria-hidden /> };
  }
  if (state.status === 'failed') {
    return {
      text: state.problem.security ? 'Connection refused' : 'Not connected',
      tone: state.problem.security ? ('critical' as const) : ('neutral' as const),
      icon: state.problem.security ? (
        <ShieldAlert size={13} aria-hidden />
      ) : (
        <LockOpen size={13} aria-hidden />
      ),
    };
  }
  return {
    text: state.status === 'waiting' ? 'Reconnecting' : 'Connecting',
    tone: 'neutral' as const,
    icon: <Spinner size={12} />,
  };
}

function Details({ state }: { state: ChannelState }) {
  if (state.status !== 'open') {
    const problem = 'problem' in state ? state.problem : null;
    return (
      <>
        <p className="font-medium">{problem?.message ?? 'Connecting to your server.'}</p>
        <p className="mt-1 text-muted text-sm">
          {problem?.fix ?? 'The keys are checked before anything is said.'}
        </p>
      </>
    );
  }
  return (
    <>
      {state.warning && (
        <div className="mb-3 rounded-md bg-critical-soft px-3 py-2.5">
          <p className="font-medium text-critical-ink">{state.warning.message}</p>
          <p className="mt-0.5 text-muted text-sm">{state.warning.fix}</p>
        </div>
      )}
      <p className="font-medium">Only this browser and your server can read it.</p>
      <p className="mt-1 text-muted text-sm">
        The server proved its key at the first connection. This browser pinned it, and talks to no other.
      </p>
      <dl className="mt-3.5 flex flex-col gap-3">
        <Fingerprint term="Your server’s key" value={state.agentFingerprint} testId="agent-fingerprint" />
        <Fingerprint term="This browser’s key" value={state.deviceFingerprint} testId="device-fingerprint" />
      </dl>
    </>
  );
}

/** A key's fingerprint in groups, for comparing aloud. */
export function Fingerprint({ term, value, testId }: { term: string; value: string; testId: string }) {
  return (
    <div>
      <dt className="text-faint text-xs">{term}</dt>
      <dd data-testid={testId} className="mt-0.5 font-mono text-[0.8125rem] leading-5 tabular-nums">
        {value}
      </dd>
    </div>
  );
}
