import { InstanceEvent } from '@claw-cloud/contracts';
import type { ApiClient } from './api-client.ts';
import { createBackoff, pause } from './backoff.ts';
import { isProblem, ProblemError, problemOf, unreachable } from './problem.ts';
import { createSseParser } from './sse.ts';

export interface WatchOptions {
  /** The last event already seen; 0 is from the start. @default 0 */
  readonly after?: number;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
  /** Told when the stream is lost (and tried again) and when it is back. */
  readonly onConnection?: (connected: boolean, error?: ProblemError) => void;
  /** @default globalThis.fetch */
  readonly fetch?: typeof fetch;
  /** A stream without even a heartbeat (the api sends one every 15 s) for this long is dropped. @default 40000 */
  readonly silenceMs?: number;
  /** For the reconnects' jitter. @default Math.random */
  readonly random?: () => number;
}

/**
 * An instance's events in order, each once, for as long as `signal` lets it: resumes after the last seen
 * event when the connection is lost. Raises {@link ProblemError} only for what another try can't mend
 * (`not_found`, `unauthenticated`, `event_id_invalid`…).
 */
export async function* watchEvents(
  api: Pick<ApiClient, 'baseUrl' | 'getToken'>,
  instanceId: string,
  options: WatchOptions = {},
): AsyncGenerator<InstanceEvent, void, void> {
  const { signal, onConnection } = options;
  const backoff = createBackoff(options.random ? { random: options.random } : {});
  let after = options.after ?? 0;
  let refused = 0;
  while (!signal?.aborted) {
    try {
      for await (const event of openStream(api, instanceId, after, refused > 0, options)) {
        backoff.reset();
        refused = 0;
        if (event === 'open') {
          onConnection?.(true);
          continue;
        }
        // An api that replays what was seen must not show it twice.
        if (event.seq <= after) continue;
        after = event.seq;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof ProblemError)) throw error;
      // A token that ran out between two tries is asked for anew, once.
      if (isProblem(error, 'unauthenticated') && refused === 0) refused = 1;
      else if (!error.retryable) throw error;
      onConnection?.(false, error);
    }
    if (!signal?.aborted) await pause(backoff.next(), signal);
  }
}

async function* openStream(
  api: Pick<ApiClient, 'baseUrl' | 'getToken'>,
  instanceId: string,
  after: number,
  fresh: boolean,
  options: WatchOptions,
): AsyncGenerator<InstanceEvent | 'open', void, void> {
  const fetchFn = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const silence = new AbortController();
  const drop = () => silence.abort(new DOMException('The event stream fell silent.', 'TimeoutError'));
  let timer = setTimeout(drop, options.silenceMs ?? 40_000);
  const signal = options.signal ? AbortSignal.any([options.signal, silence.signal]) : silence.signal;
  try {
    const response = await fetchFn(
      `${api.baseUrl}/v1/instances/${encodeURIComponent(instanceId)}/events?after=${after}`,
      {
        headers: { accept: 'text/event-stream', authorization: `Bearer ${await api.getToken({ fresh })}` },
        signal,
      },
    );
    if (!response.ok) throw await problemOf(response);
    yield 'open';
    if (!response.body) return;
    const parser = createSseParser();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(drop, options.silenceMs ?? 40_000);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          const parsed = InstanceEvent.safeParse(asJson(event.data));
          // A kind of event that a newer api has and this client does not know is left out.
          if (parsed.success) yield parsed.data;
        }
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  } catch (error) {
    throw error instanceof ProblemError ? error : unreachable(error);
  } finally {
    clearTimeout(timer);
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
