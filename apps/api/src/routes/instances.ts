import { DeployInstance, Instance, InstanceId, Operation, OperationId, Receipt } from '@claw-cloud/contracts';
import {
  deployInstance,
  destroyInstance,
  getInstance,
  getOperation,
  getReceipt,
  listInstances,
} from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { OwnerGate } from '../http/owner.ts';
import {
  type ApiApp,
  answer,
  body,
  createRouter,
  listOf,
  ownersOnly,
  problems,
  sessionSecurity,
} from './kit.ts';

const params = z.object({ id: InstanceId });
const Deployment = z.object({ instance: Instance, operation: Operation });

/** Instances and the operations that make and destroy them. */
export function instanceRoutes(gate: OwnerGate): ApiApp {
  const app = createRouter();
  const common = { tags: ['Instances'], security: sessionSecurity, middleware: [ownersOnly(gate)] };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances',
      operationId: 'deployInstance',
      summary: 'Deploys an instance into the credential’s cloud account',
      description:
        'The id is made by the client, so that a repeated request deploys nothing twice. The work goes on in an operation; watch it at /v1/instances/{id}/events.',
      ...common,
      request: { body: body(DeployInstance) },
      responses: {
        200: answer(Deployment, 'The same request was made before.'),
        202: answer(Deployment, 'Accepted.'),
        ...problems,
      },
    }),
    async (c) => {
      const { instance, operation, created } = await deployInstance(c.get('owner'), c.req.valid('json'));
      return c.json({ instance, operation }, created ? 202 : 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/instances',
      operationId: 'listInstances',
      summary: 'Your instances, destroyed ones last',
      ...common,
      responses: { 200: answer(listOf(Instance), 'At most 200.'), ...problems },
    }),
    async (c) => c.json({ items: await listInstances(c.get('owner')) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/instances/{id}',
      operationId: 'getInstance',
      summary: 'One instance',
      ...common,
      request: { params },
      responses: { 200: answer(Instance, 'The instance.'), ...problems },
    }),
    async (c) => c.json(await getInstance(c.get('owner'), { instanceId: c.req.valid('param').id }), 200),
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/instances/{id}',
      operationId: 'destroyInstance',
      summary: 'Destroys an instance and everything made for it',
      ...common,
      request: { params },
      responses: {
        202: answer(Operation, 'The operation that does it, this one or one asked for before.'),
        ...problems,
      },
    }),
    async (c) => c.json(await destroyInstance(c.get('owner'), { instanceId: c.req.valid('param').id }), 202),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/instances/{id}/receipt',
      operationId: 'getReceipt',
      summary: 'What was made, what was deleted, what is left',
      ...common,
      request: { params },
      responses: { 200: answer(Receipt, 'The receipt of the last finished destroy.'), ...problems },
    }),
    async (c) => c.json(await getReceipt(c.get('owner'), { instanceId: c.req.valid('param').id }), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/operations/{id}',
      operationId: 'getOperation',
      summary: 'A long piece of work',
      ...common,
      request: { params: z.object({ id: OperationId }) },
      responses: { 200: answer(Operation, 'The operation.'), ...problems },
    }),
    async (c) => c.json(await getOperation(c.get('owner'), { operationId: c.req.valid('param').id }), 200),
  );

  return app;
}
