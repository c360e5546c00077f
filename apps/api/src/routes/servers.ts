import { InstanceId, ProductError, SupportGrantRecord } from '@claw-cloud/contracts';
import { listSupportGrants, restartGateway } from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import type { OwnerGate } from '../http/owner.ts';
import { askRestart } from '../tunnel/ask-restart.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { type ApiApp, answer, createRouter, listOf, ownersOnly, problems, sessionSecurity } from './kit.ts';

const params = z.object({ id: InstanceId });

/** What the control plane may ask of a running server without its owner channel, and what it knows of its grants. */
export function serverRoutes(gate: OwnerGate, tunnels: Pick<Tunnels, 'get'>): ApiApp {
  const app = createRouter();
  const common = { tags: ['Instances'], security: sessionSecurity, middleware: [ownersOnly(gate)] };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/instances/{id}/restart-gateway',
      operationId: 'restartGateway',
      summary: 'Asks the server to restart its OpenClaw gateway',
      description: 'Answers when the server has taken it on; its health says when the gateway is back.',
      ...common,
      request: { params },
      responses: { 202: { description: 'The server does it.' }, ...problems },
    }),
    async (c) => {
      await restartGateway(c.get('owner'), { instanceId: c.req.valid('param').id }, async ({ id }) => {
        const tunnel = tunnels.get(id);
        if (!tunnel)
          throw new ProductError(
            'instance_offline',
            'The instance is not connected.',
            'Wait a moment: it dials again by itself.',
          );
        await askRestart(tunnel.session);
      });
      return c.body(null, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/instances/{id}/support-grants',
      operationId: 'listSupportGrants',
      summary: 'Who was let into the server, and until when',
      ...common,
      request: { params },
      responses: { 200: answer(listOf(SupportGrantRecord), 'The latest first, at most 200.'), ...problems },
    }),
    async (c) =>
      c.json(
        { items: await listSupportGrants(c.get('owner'), { instanceId: c.req.valid('param').id }) },
        200,
      ),
  );

  return app;
}
