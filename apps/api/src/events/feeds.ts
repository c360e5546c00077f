import { setTimeout as sleep } from 'node:timers/promises';
import { type InstanceEvent, ProductError } from '@claw-cloud/contracts';
import type { OwnerContext } from '@claw-cloud/core';

export interface EventFeedsOptions {
  readonly read: (
    context: OwnerContext,
    input: { instanceId: string; afterSeq: number; limit: number },
  ) => Promise<InstanceEvent[]>;
  /** How often a watched instance is looked at. @default 250 */
  readonly pollMs?: number;
  /** An empty page is yielded after so long without an event. @default 15000 */
  readonly heartbeatMs?: number;
}

export interface EventFeeds {
  /**
   * Pages of events in order, each event once, for as long as `signal` lets it; an empty page is a heartbeat. `page`
   * is what follows `after`, read already. Raises what reading raises, unless it may mend itself.
   */
  follow(
    context: OwnerContext,
    instanceId: string,
    from: { after: number; page: InstanceEvent[] },
    signal: AbortSignal,
  ): AsyncGenerator<InstanceEvent[], void, void>;
  /** How many instances are being polled. */
  polled(): number;
}

const pageSize = 100;
/** Of each watched instance so many recent events are kept, for all who watch it. */
const recentMax = 200;
const retryMaxMs = 4_000;

interface Feed {
  last: number;
  recent: InstanceEvent[];
  watchers: number;
  failure: unknown;
  waiting: Set<() => void>;
  readonly end: AbortController;
}

/**
 * Follows events in the database: one poller per watched instance, however many watch it. A watcher holds a position
 * and nothing else, so a slow one costs no memory: it reads from the recent events, or further back from the database.
 */
export function createEventFeeds(options: EventFeedsOptions): EventFeeds {
  const { read, pollMs = 250, heartbeatMs = 15_000 } = options;
  const feeds = new Map<string, Feed>();

  const join = (key: string, context: OwnerContext, instanceId: string, last: number): Feed => {
    let feed = feeds.get(key);
    if (!feed) {
      feed = {
        last,
        recent: [],
        watchers: 0,
        failure: undefined,
        waiting: new Set(),
        end: new AbortController(),
      };
      feeds.set(key, feed);
      void poll(key, feed, context, instanceId);
    }
    feed.watchers += 1;
    return feed;
  };

  const leave = (key: string, feed: Feed) => {
    feed.watchers -= 1;
    if (feed.watchers > 0) return;
    feed.end.abort();
    if (feeds.get(key) === feed) feeds.delete(key);
  };

  const wake = (feed: Feed) => {
    const waiting = [...feed.waiting];
    feed.waiting.clear();
    for (const resume of waiting) resume();
  };

  const poll = async (key: string, feed: Feed, context: OwnerContext, instanceId: string) => {
    let waitMs = pollMs;
    while (!feed.end.signal.aborted) {
      await sleep(waitMs, undefined, { signal: feed.end.signal }).catch(() => undefined);
      if (feed.end.signal.aborted) return;
      try {
        const page = await read(context, { instanceId, afterSeq: feed.last, limit: pageSize });
        waitMs = page.length === pageSize ? 0 : pollMs;
        if (page.length === 0) continue;
        feed.last = page.at(-1)?.seq ?? feed.last;
        feed.recent = [...feed.recent, ...page].slice(-recentMax);
        wake(feed);
      } catch (error) {
        if (error instanceof ProductError && !error.retryable) {
          feed.failure = error;
          feed.end.abort();
          if (feeds.get(key) === feed) feeds.delete(key);
          return wake(feed);
        }
        // The database may be away for a moment: watchers get heartbeats until it is back.
        waitMs = Math.min(waitMs * 2 + 1, retryMaxMs);
      }
    }
  };

  /** What follows `after`, from memory; null when that reaches further back than memory does. */
  const remembered = (feed: Feed, after: number): InstanceEvent[] | null => {
    if (after >= feed.last) return [];
    const oldest = feed.recent[0];
    if (!oldest || oldest.seq > after + 1) return null;
    return feed.recent.filter(({ seq }) => seq > after).slice(0, pageSize);
  };

  return {
    polled: () => feeds.size,
    async *follow(context, instanceId, { after, page }, signal) {
      let seen = after;
      if (page.length > 0) {
        seen = page.at(-1)?.seq ?? seen;
        yield page;
      }
      const key = `${context.actor.ownerId} ${instanceId}`;
      const feed = join(key, context, instanceId, seen);
      try {
        while (!signal.aborted) {
          if (feed.failure !== undefined) throw feed.failure;
          const next =
            remembered(feed, seen) ?? (await read(context, { instanceId, afterSeq: seen, limit: pageSize }));
          if (next.length > 0) {
            seen = next.at(-1)?.seq ?? seen;
            yield next;
          } else if (!(await changed(feed, heartbeatMs, signal))) yield [];
        }
      } finally {
        leave(key, feed);
      }
    },
  };
}

/** True when the feed has news, false when `timeoutMs` passed or the watcher left. */
function changed(feed: Feed, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (news: boolean) => {
      clearTimeout(timer);
      feed.waiting.delete(onNews);
      signal.removeEventListener('abort', onLeave);
      resolve(news);
    };
    const onNews = () => settle(true);
    const onLeave = () => settle(false);
    const timer = setTimeout(onLeave, timeoutMs);
    feed.waiting.add(onNews);
    signal.addEventListener('abort', onLeave, { once: true });
    if (signal.aborted) onLeave();
  });
}
