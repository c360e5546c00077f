import { useQuery } from '@tanstack/react-query';
import { Pause, Play, RotateCcw } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Skeleton } from '../design/skeleton.tsx';
import { type Ask, useAsk } from './ask.ts';
import { type Cast, parseCast, screenAt } from './cast.ts';
import { countdown } from './words.ts';

/** More of a recording than this is not loaded into a page. */
const limitBytes = 16 * 1024 * 1024;

async function loadRecording(ask: Ask, grantId: string, session: string): Promise<Cast> {
  const decoder = new TextDecoder();
  let text = '';
  let offset = 0;
  for (;;) {
    const piece = await ask('support.recording', { grantId, session, offset });
    const bytes = Uint8Array.from(atob(piece.data.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    );
    text += decoder.decode(bytes, { stream: true });
    offset += bytes.length;
    if (piece.done || bytes.length === 0 || offset >= limitBytes) break;
  }
  return parseCast(text + decoder.decode());
}

/** A session as it was, played again: what stood on the screen, as plain text. */
export function RecordingDialog({
  grant,
  session,
  onClose,
}: {
  grant: { id: string; name: string };
  session: string;
  onClose: () => void;
}) {
  const ask = useAsk();
  const recording = useQuery({
    queryKey: ['recording', grant.id, session],
    queryFn: () => loadRecording(ask, grant.id, session),
    staleTime: 0,
    gcTime: 60_000,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      width="lg"
      title={`${grant.name}’s visit`}
      hint="What stood on their screen. Long pauses are shortened."
    >
      {recording.error !== null ? (
        <ErrorNotice trouble={troubleOf(recording.error)} />
      ) : recording.data ? (
        <Player cast={recording.data} />
      ) : (
        <Skeleton className="h-80" />
      )}
    </Dialog>
  );
}

const speeds = [1, 2, 8] as const;
const tickMs = 100;

function Player({ cast }: { cast: Cast }) {
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(true);
  const [speed, setSpeed] = useState<(typeof speeds)[number]>(2);
  const ended = at >= cast.seconds;
  const screen = useMemo(() => screenAt(cast, at), [cast, at]);
  const pre = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (!playing || ended) return;
    const timer = setInterval(
      () => setAt((before) => Math.min(cast.seconds, before + (tickMs / 1000) * speed)),
      tickMs,
    );
    return () => clearInterval(timer);
  }, [playing, ended, speed, cast.seconds]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of the screen is where it happens.
  useEffect(() => {
    pre.current?.scrollTo({ top: pre.current.scrollHeight });
  }, [screen]);
  return (
    <div className="flex flex-col gap-3">
      <pre
        ref={pre}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        data-testid="recording-screen"
        className="h-[50dvh] overflow-auto whitespace-pre-wrap break-all rounded-lg border border-line bg-sunken px-3.5 py-3 font-mono text-[0.78125rem] leading-[1.5]"
      >
        {screen}
      </pre>
      <div className="flex flex-wrap items-center gap-3">
        <Button
          variant="secondary"
          size="icon"
          aria-label={ended ? 'Play again' : playing ? 'Pause' : 'Play'}
          onClick={() => {
            if (ended) setAt(0);
            setPlaying(ended || !playing);
          }}
          data-testid="recording-play"
        >
          {ended ? (
            <RotateCcw size={15} aria-hidden />
          ) : playing ? (
            <Pause size={15} aria-hidden />
          ) : (
            <Play size={15} aria-hidden />
          )}
        </Button>
        <input
          type="range"
          aria-label="Where in the recording"
          min={0}
          max={Math.max(0.1, cast.seconds)}
          step={0.1}
          value={at}
          onChange={(event) => {
            setPlaying(false);
            setAt(Number(event.target.value));
          }}
          className="min-w-32 flex-1 accent-(--accent)"
          data-testid="recording-seek"
        />
        <span className="text-faint text-xs tabular-nums">
          {countdown(at * 1000)} of {countdown(cast.seconds * 1000)}
        </span>
        <Button
          variant="ghost"
          size="sm"
          aria-label={`Speed: ${speed} times`}
          onClick={() => setSpeed(speeds[(speeds.indexOf(speed) + 1) % speeds.length] ?? 1)}
        >
          {speed}×
        </Button>
      </div>
    </div>
  );
}
