import { InstanceEvent, InstanceId } from '@claw-cloud/contracts';
import { readEvents } from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { EventFeeds } from '../events/feeds.ts';
import { eventStream } from '../events/stream.ts';
import { type OwnerGate, RefusedWithHeaders } from '../http/owner.ts';
import { tooMany } from '../http/rate-limit.ts';
import type { ApiParts } from '../parts.ts';
import { type ApiApp, createRouter, ownersOnly, problems, sessionSecurity } from './kit.ts';

/** One owner's open event streams in this process. */
const streamsPerOwner = 20;

/** An instance's events as they happen (server-sent events), resumable from any of them. */
export function eventRoutes(parts: ApiParts, gate: OwnerGate, feeds: EventFeeds): ApiApp {
  const app = createRouter();
  const open = new Map<string, number>();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/instances/{id}/events',
      operationId: 'watchEvents',
      tags: ['Instances'],
      summary: 'What happens to an instance, as it happens',
      description:
        'Server-sent events: `id` is the event’s seq, `event` its kind, `data` the InstanceEvent. Resumes after the event named by the Last-Event-ID header, or by `after`; an id that is not one of this instance’s events is refused with `event_id_invalid`. A comment is sent every 15 s.',
      security: sessionSecurity,
      middleware: [ownersOnly(gate)],
      request: {
        params: z.object({ id: InstanceId }),
        query: z.object({ after: z.string().optional() }),
        headers: z.object({ 'last-event-id': z.string().optional() }),
      },
      responses: {
        200: { description: 'The stream.', content: { 'text/event-stream': { schema: InstanceEvent } } },
        ...problems,
      },
    }),
    async (c) => {
      const owner = c.get('owner');
      const { ownerId } = owner.actor;
      const instanceId = c.req.valid('param').id;
      // Longer than any id; what remains of a longer one is no id either.
      const from = (c.req.header('last-event-id') ?? c.req.valid('query').after ?? '0').slice(0, 40);

      const streams = open.get(ownerId) ?? 0;
      if (streams >= streamsPerOwner) {
        const { error, headers } = tooMany(5);
        throw new RefusedWithHeaders(error, headers);
      }
      // Counted before anything is awaited: those that come at the same moment count one another.
      open.set(ownerId, streams + 1);
      const done = () => {
        const left = (open.get(ownerId) ?? 1) - 1;
        if (left > 0) open.set(ownerId, left);
        else open.delete(ownerId);
      };
      // Errors belong into the answer's status, so the first page is read before the stream begins.
      const first = readEvents(owner, { instanceId, afterSeq: from, limit: 100 });
      const page = await first.catch((error: unknown) => {
        done();
        throw error;
      });
      const after = Number(from);
      const stream = eventStream(
        (signal) => feeds.follow(owner, instanceId, { after, page }, signal),
        parts.stopping,
        done,
      );
      return new Response(stream, {
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
      }) as never;
    },
  );

  return app;
}
