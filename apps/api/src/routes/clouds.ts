import { CloudList, Stray, StrayId } from '@claw-cloud/contracts';
import { deleteStray, listClouds, listStrays } from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { OwnerGate } from '../http/owner.ts';
import { offeredClouds } from '../offered-clouds.ts';
import type { ApiParts } from '../parts.ts';
import { type ApiApp, answer, createRouter, listOf, ownersOnly, problems, sessionSecurity } from './kit.ts';

/** The clouds themselves: what they ask of a credential, and what was found in an owner's accounts. */
export function cloudRoutes({ config }: ApiParts, gate: OwnerGate): ApiApp {
  const app = createRouter();
  const common = { tags: ['Clouds'], security: sessionSecurity, middleware: [ownersOnly(gate)] };
  const offering = {
    clouds: offeredClouds(config),
    egressAddresses: config.egressAddresses ?? [],
    facts: config.cloudFacts ?? {},
  };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/clouds',
      operationId: 'listClouds',
      summary: 'The clouds there are, and what each asks of a credential',
      description:
        'For every cloud the ways to give access, each with its steps, fields and links, and what a server that is off costs. Your own external id and the addresses that requests come from are filled in.',
      ...common,
      responses: { 200: answer(CloudList, 'In the order in which people see them.'), ...problems },
    }),
    async (c) => c.json(await listClouds(c.get('owner'), offering), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/strays',
      operationId: 'listStrays',
      summary: 'What bears our tag in your cloud accounts and belongs to no living instance',
      ...common,
      responses: { 200: answer(listOf(Stray), 'The latest seen first, at most 200.'), ...problems },
    }),
    async (c) => c.json({ items: await listStrays(c.get('owner')) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/strays/{id}',
      operationId: 'deleteStray',
      summary: 'Deletes what was found in your cloud account',
      description:
        'Only what a record binds exactly (`deletable`). It is looked for again before it is deleted, and leaves the list once it is gone.',
      ...common,
      request: { params: z.object({ id: StrayId }) },
      responses: { 202: answer(Stray, 'It will be deleted.'), ...problems },
    }),
    async (c) => c.json(await deleteStray(c.get('owner'), { strayId: c.req.valid('param').id }), 202),
  );

  return app;
}
