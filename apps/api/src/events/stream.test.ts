import type { InstanceEvent } from '@claw-cloud/contracts';
import { describe, expect, it } from 'vitest';
import { createEventFeeds } from './feeds.ts';
import { eventStream } from './stream.ts';

describe('eventStream', () => {
  const context = { actor: { ownerId: 'user_1' } } as never;
  const page = [{ seq: 1, kind: 'state' }] as InstanceEvent[];
  const open = (read: () => Promise<InstanceEvent[]>, stopping = new AbortController()) => {
    const feeds = createEventFeeds({ pollMs: 5, heartbeatMs: 1_000, read });
    const ends = { count: 0 };
    const stream = eventStream(
      (signal) => feeds.follow(context, 'ins_1', { after: 0, page }, signal),
      stopping.signal,
      () => {
        ends.count += 1;
      },
    );
    return { feeds, reader: stream.pipeThrough(new TextDecoderStream()).getReader(), ends };
  };

  it('says that it is open at once, then what happened', async () => {
    const { reader } = open(async () => []);
    expect((await reader.read()).value).toBe('retry: 2000\n: open\n\n');
    expect((await reader.read()).value).toBe('id: 1\nevent: state\ndata: {"seq":1,"kind":"state"}\n\n');
    await reader.cancel();
  });

  it.each([1, 2, 3])('polls no longer once its client has gone after %s pages', async (pages) => {
    let seq = 1;
    const { feeds, reader, ends } = open(async () => [{ seq: ++seq, kind: 'log' } as InstanceEvent]);
    for (let i = 0; i < pages; i += 1) await reader.read();
    await reader.cancel();
    await expect.poll(() => feeds.polled()).toBe(0);
    expect(ends.count).toBe(1);
  });

  it('ends when the process does', async () => {
    const stopping = new AbortController();
    const { feeds, reader, ends } = open(async () => [], stopping);
    await reader.read();
    await reader.read();
    const last = reader.read();
    stopping.abort();
    expect((await last).done).toBe(true);
    await expect.poll(() => feeds.polled()).toBe(0);
    expect(ends.count).toBe(1);
  });
});
