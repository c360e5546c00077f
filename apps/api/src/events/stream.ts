import type { InstanceEvent } from '@claw-cloud/contracts';

/** A stream ends by itself after so long; its client comes back with Last-Event-ID. */
const streamMaxAgeMs = 60 * 60_000;

/**
 * Pages of events as a `text/event-stream` body. The next page is asked for only when the client has taken the last,
 * so at most one page (100 events) waits per client. `done` runs once, however the stream ends.
 */
export function eventStream(
  follow: (signal: AbortSignal) => AsyncGenerator<InstanceEvent[], void, void>,
  stopping: AbortSignal,
  done: () => void,
): ReadableStream<Uint8Array> {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, stopping]);
  const maxAge = setTimeout(() => left.abort(), streamMaxAgeMs);
  const pages = follow(signal);
  const encoder = new TextEncoder();
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    clearTimeout(maxAge);
    left.abort();
    // A generator that waits at a yield hears no signal: this is what makes it leave the feed.
    void pages.return().catch(() => undefined);
    done();
  };
  return new ReadableStream(
    {
      start(controller) {
        // Something at once, so that the client knows it is connected.
        controller.enqueue(encoder.encode('retry: 2000\n: open\n\n'));
      },
      async pull(controller) {
        try {
          const { value, done: over } = await pages.next();
          if (!over && !signal.aborted) return controller.enqueue(encoder.encode(frames(value)));
        } catch {
          // An error after the beginning has no status to go into: the stream ends, and the client's next try gets it.
        }
        end();
        controller.close();
      },
      cancel() {
        end();
      },
    },
    { highWaterMark: 1 },
  );
}

function frames(page: InstanceEvent[]): string {
  if (page.length === 0) return ': heartbeat\n\n';
  // JSON text holds no line break, so one data line is enough.
  return page
    .map((event) => `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('');
}
