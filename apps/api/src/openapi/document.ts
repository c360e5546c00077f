import { InstanceId, ownerChannelProtocol, tunnelProtocol } from '@claw-cloud/contracts';
import { z } from '@hono/zod-openapi';
import { type ApiApp, problems, sessionSecurity } from '../routes/kit.ts';
import { version } from '../version.ts';
import './schemas.ts';

/** What no route of the router serves: the two WebSockets, and who may call what. */
export function describeApi(app: ApiApp): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'session', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A session token of Clerk or of the local issuer (RS256, about 60 s).',
  });
  registry.registerComponent('securitySchemes', 'machine', {
    type: 'http',
    scheme: 'bearer',
    description: 'The one-time token a machine finds in its user-data.',
  });
  registry.registerComponent('securitySchemes', 'operator', {
    type: 'http',
    scheme: 'bearer',
    description: 'LOCAL_OPERATOR_TOKEN.',
  });
  registry.registerPath({
    method: 'get',
    path: '/v1/instances/{id}/channel',
    operationId: 'openChannel',
    tags: ['WebSockets'],
    summary: 'The owner channel to an instance',
    description: `WebSocket. Offer the subprotocols \`${ownerChannelProtocol}\` and \`bearer.<session token>\`. Binary messages of at most 1 MiB are passed to and from the instance as they are; their content is end-to-end encrypted. Refusals are close codes: 4401 not signed in, 4404 no such instance, 4503 the instance is not connected, 4403 refused, 1009 a message too long.`,
    security: sessionSecurity,
    request: { params: z.object({ id: InstanceId }) },
    responses: { 101: { description: 'The channel is open, or closes at once with a code.' }, ...problems },
  });
  registry.registerPath({
    method: 'get',
    path: '/v1/tunnel',
    operationId: 'openTunnel',
    tags: ['WebSockets'],
    summary: 'An instance’s tunnel',
    description: `WebSocket of the subprotocol \`${tunnelProtocol}\`. The api sends a challenge, the instance answers with its id and an Ed25519 signature, the api sends its verdict (text messages). Then the api speaks HTTP/2 to the instance in binary messages.`,
    responses: { 101: { description: 'The tunnel is open.' }, ...problems },
  });
}

/** The OpenAPI 3.1 document of what `app` serves; the same on every computer. */
export function openApiDocument(app: ApiApp): Record<string, unknown> {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Claw Cloud API',
      version,
      description:
        'Every error is problem details (RFC 9457) with a `code` of a closed list, a `fix` and a `requestId`. Lists are `{items}`. What is missing and what belongs to somebody else both answer 404.',
      license: { name: 'MIT' },
    },
    servers: [{ url: '/' }],
  });
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}
