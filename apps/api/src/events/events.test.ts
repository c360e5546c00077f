import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type InstanceEvent, Problem } from '@claw-cloud/contracts';
import { askedDeploy } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi, type TestPerson } from '../testing/harness.ts';
import { createEventFeeds } from './feeds.ts';

describe('GET /v1/instances/{id}/events', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api?.stop());

  /** An instance with an operation under lease, whose events the test writes. */
  const watched = async () => {
    const { instance, operation, ownerId } = await askedDeploy(api.database.db);
    const lease = await api.database.db.provisioner.acquireLease(operation.id, 'test', 60_000);
    const epoch = lease?.epoch ?? 0;
    const append = (step: number) =>
      api.database.db.provisioner.appendEvent(operation.id, epoch, 'progress', {
        phase: 'creating',
        step: String(step),
        message: 'x',
      });
    return { id: instance.id, person: await api.person(ownerId), append };
  };

  const open = async (person: TestPerson, path: string, headers: Record<string, string> = {}) => {
    const stop = new AbortController();
    const response = await person.fetch(path, {
      headers,
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]),
    });
    const events: InstanceEvent[] = [];
    let text = '';
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    return {
      response,
      /** Reads until there are so many. */
      async take(count: number) {
        while (events.length < count && reader) {
          const { value, done } = await reader.read();
          if (done) break;
          text += value;
          const blocks = text.split('\n\n');
          text = blocks.pop() ?? '';
          for (const block of blocks) {
            const fields = Object.fromEntries(
              block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
            );
            if (fields.data === undefined) continue;
            const event = JSON.parse(fields.data) as InstanceEvent;
            expect(fields.id).toBe(String(event.seq));
            expect(fields.event).toBe(event.kind);
            events.push(event);
          }
        }
        return events.map(({ seq }) => seq);
      },
      close: () => stop.abort(),
    };
  };

  it('sends what was, then what comes, in order and once', async () => {
    const { id, person, append } = await watched();
    const before = await append(1);
    const stream = await open(person, `/v1/instances/${id}/events`);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await stream.take(before);
    await append(2);
    const last = await append(3);
    expect(await stream.take(last)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    stream.close();
  });

  it('resumes after the event that was seen last, by header or by query', async () => {
    const { id, person, append } = await watched();
    for (let step = 1; step <= 5; step += 1) await append(step);
    const last = await append(6);
    const byHeader = await open(person, `/v1/instances/${id}/events?after=1`, {
      'last-event-id': String(last - 2),
    });
    expect(await byHeader.take(2)).toEqual([last - 1, last]);
    const byQuery = await open(person, `/v1/instances/${id}/events?after=${last}`);
    const next = await append(7);
    expect(await byQuery.take(1)).toEqual([next]);
    expect(await byHeader.take(3)).toEqual([last - 1, last, next]);
    byHeader.close();
    byQuery.close();
  });

  it('sends a long past whole', async () => {
    const { id, person, append } = await watched();
    let last = 0;
    for (let step = 0; step < 230; step += 1) last = await append(step);
    const stream = await open(person, `/v1/instances/${id}/events`);
    expect(await stream.take(last)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    stream.close();
  });

  it.each(['abc', '-1', '1.5', '1e3', '', ' ', '999999', '0x1', '9'.repeat(200), 'ins_1', '1;drop'])(
    'refuses to resume from "%s"',
    async (nonsense) => {
      const { id, person } = await watched();
      for (const [path, headers] of [
        [`/v1/instances/${id}/events?after=${encodeURIComponent(nonsense)}`, {}],
        [`/v1/instances/${id}/events`, { 'last-event-id': nonsense }],
      ] as const) {
        // A header of nothing but white space is sent as an empty one, which is no id to resume from either.
        const response = await person.fetch(path, { headers: { ...headers } });
        expect(response.status).toBe(400);
        expect(Problem.parse(await response.json()).code).toBe('event_id_invalid');
      }
    },
  );

  it('ends without an error when its client goes, and frees the stream', async () => {
    const { id, person } = await watched();
    let streams: Awaited<ReturnType<typeof open>>[] = [];
    // Each round must find room: 80 streams in all, 20 at once.
    for (let round = 0; round < 4; round += 1)
      await expect
        .poll(
          async () => {
            for (const stream of streams) stream.close();
            streams = await Promise.all(
              Array.from({ length: 20 }, () => open(person, `/v1/instances/${id}/events`)),
            );
            return streams.every(({ response }) => response.status === 200);
          },
          { timeout: 10_000, interval: 200 },
        )
        .toBe(true);
    for (const stream of streams) stream.close();
    expect(api.logged.join('')).not.toContain('unexpected error');
  });

  it('lets an owner have 20 streams, not more', async () => {
    const { id, person } = await watched();
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => open(person, `/v1/instances/${id}/events`)),
    );
    const more = await person.fetch(`/v1/instances/${id}/events`);
    expect(more.status).toBe(429);
    expect(more.headers.get('retry-after')).toBe('5');
    for (const stream of streams) stream.close();
  });

  it('ends when the api stops', async () => {
    const own = await startTestApi();
    const { instance, ownerId } = await askedDeploy(own.database.db);
    const person = await own.person(ownerId);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      void person.token().then((token) => {
        get(
          `${own.url}/v1/instances/${instance.id}/events`,
          { headers: { authorization: `Bearer ${token}` } },
          resolve,
        ).on('error', reject);
      });
    });
    response.resume();
    const started = performance.now();
    const tookMs = once(response, 'end').then(() => performance.now() - started);
    await Promise.all([own.stop(), tookMs]);
    expect(await tookMs).toBeLessThan(4_000);
  });

  it('lets a client that reads nothing wait, at no cost', async () => {
    const { id, person, append } = await watched();
    const { port } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    socket.write(
      `GET /v1/instances/${id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await person.token()}\r\n\r\n`,
    );
    const stream = await open(person, `/v1/instances/${id}/events`);
    const last = await append(1);
    expect((await stream.take(last)).at(-1)).toBe(last);
    stream.close();
    socket.destroy();
  });
});

describe('createEventFeeds', () => {
  const event = (seq: number) => ({ seq }) as InstanceEvent;
  const context = { actor: { ownerId: 'user_1' } } as never;

  it('polls once for all who watch, and no longer than they do', async () => {
    let reads = 0;
    let last = 0;
    const feeds = createEventFeeds({
      pollMs: 5,
      heartbeatMs: 1_000,
      read: async (_, { afterSeq }) => {
        reads += 1;
        return afterSeq < last ? [event(last)] : [];
      },
    });
    const stops = Array.from({ length: 8 }, () => new AbortController());
    const watchers = stops.map((stop) => feeds.follow(context, 'ins_1', { after: 0, page: [] }, stop.signal));
    const pages = watchers.map((watcher) => watcher.next());
    expect(feeds.polled()).toBe(1);
    last = 1;
    for (const page of await Promise.all(pages)) expect(page.value).toEqual([event(1)]);
    expect(reads).toBeLessThan(8);
    for (const stop of stops) stop.abort();
    await Promise.all(watchers.map((watcher) => watcher.return()));
    expect(feeds.polled()).toBe(0);
  });

  it('outlives a database that is away for a moment', async () => {
    let broken = true;
    const feeds = createEventFeeds({
      pollMs: 1,
      heartbeatMs: 1_000,
      read: async (_, { afterSeq }) => {
        if (broken) {
          broken = false;
          throw new Error('away');
        }
        return afterSeq === 0 ? [event(1)] : [];
      },
    });
    const stop = new AbortController();
    const watcher = feeds.follow(context, 'ins_1', { after: 0, page: [] }, stop.signal);
    expect((await watcher.next()).value).toEqual([event(1)]);
    stop.abort();
    await watcher.return();
  });

  it('yields an empty page when nothing happens', async () => {
    const feeds = createEventFeeds({ pollMs: 5, heartbeatMs: 20, read: async () => [] });
    const stop = new AbortController();
    const watcher = feeds.follow(context, 'ins_1', { after: 0, page: [] }, stop.signal);
    expect((await watcher.next()).value).toEqual([]);
    stop.abort();
    await watcher.return();
  });
});
