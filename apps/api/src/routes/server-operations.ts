import {
  InstanceId,
  Operation,
  type PowerWish,
  ReplaceCredential,
  ResizeInstance,
} from '@claw-cloud/contracts';
import {
  checkInstance,
  powerInstance,
  repairInstance,
  replaceCredential,
  resizeInstance,
} from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { OwnerGate } from '../http/owner.ts';
import { type ApiApp, answer, body, createRouter, ownersOnly, problems, sessionSecurity } from './kit.ts';

const params = z.object({ id: InstanceId });

const powers = {
  start: [
    'Starts a stopped server',
    'The cloud is asked to switch it on; it is `ready` once it has called home.',
  ],
  stop: [
    'Stops a server',
    'Its operating system is asked first, the plug comes after. Whether a stopped server costs is said by `billing` in /v1/clouds.',
  ],
  reboot: ['Restarts the whole machine', 'It is `ready` again once it has called home.'],
} as const satisfies Record<PowerWish, readonly [string, string]>;

/** What is done to a server at its cloud. Each is an operation: it goes on after the answer. */
export function serverOperationRoutes(gate: OwnerGate): ApiApp {
  const app = createRouter();
  const common = { tags: ['Instances'], security: sessionSecurity, middleware: [ownersOnly(gate)] };
  const responses = {
    202: answer(Operation, 'The operation that does it, this one or one asked for before.'),
    ...problems,
  };

  for (const wish of ['start', 'stop', 'reboot'] as const) {
    const [summary, description] = powers[wish];
    app.openapi(
      createRoute({
        method: 'post',
        path: `/v1/instances/{id}/${wish}`,
        operationId: `${wish}Instance`,
        summary,
        description,
        ...common,
        request: { params },
        responses,
      }),
      async (c) =>
        c.json(await powerInstance(c.get('owner'), { instanceId: c.req.valid('param').id, wish }), 202),
    );
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances/{id}/resize',
      operationId: 'resizeInstance',
      summary: 'Gives a server another size',
      description:
        'Refused when the price is no longer the expected one: with `price_changed` here, or as the operation’s failure when only the cloud knew.',
      ...common,
      request: { params, body: body(ResizeInstance) },
      responses,
    }),
    async (c) =>
      c.json(
        await resizeInstance(c.get('owner'), {
          ...c.req.valid('json'),
          instanceId: c.req.valid('param').id,
        }),
        202,
      ),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances/{id}/check',
      operationId: 'checkInstance',
      summary: 'Compares what stands in the cloud with what was made',
      description: 'Changes nothing. What differs is the instance’s `drift` afterwards.',
      ...common,
      request: { params },
      responses,
    }),
    async (c) => c.json(await checkInstance(c.get('owner'), { instanceId: c.req.valid('param').id }), 202),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances/{id}/repair',
      operationId: 'repairInstance',
      summary: 'Brings what has drifted back to what was made',
      ...common,
      request: { params },
      responses,
    }),
    async (c) => c.json(await repairInstance(c.get('owner'), { instanceId: c.req.valid('param').id }), 202),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances/{id}/credential',
      operationId: 'replaceCredential',
      summary: 'Looks after a server with another credential of its cloud',
      description:
        'For a credential that was replaced at the cloud. The other one is tried first: the server moves to it when its account has the machine.',
      ...common,
      request: { params, body: body(ReplaceCredential) },
      responses,
    }),
    async (c) =>
      c.json(
        await replaceCredential(c.get('owner'), {
          ...c.req.valid('json'),
          instanceId: c.req.valid('param').id,
        }),
        202,
      ),
  );

  return app;
}
