import { AddCredential, Catalogue, CatalogueRenewal, Credential, CredentialId } from '@claw-cloud/contracts';
import {
  addCredential,
  getCatalogue,
  getCredential,
  listCredentials,
  refreshCatalogue,
  removeCredential,
} from '@claw-cloud/core';
import { createRoute, z } from '@hono/zod-openapi';
import { type OwnerGate, RefusedWithHeaders } from '../http/owner.ts';
import { tooMany } from '../http/rate-limit.ts';
import type { ApiParts } from '../parts.ts';
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

const params = z.object({ id: CredentialId });

/** Cloud credentials: they arrive sealed for the provisioner and never leave. */
export function credentialRoutes({ limiter }: Pick<ApiParts, 'limiter'>, gate: OwnerGate): ApiApp {
  const app = createRouter();
  const common = { tags: ['Credentials'], security: sessionSecurity, middleware: [ownersOnly(gate)] };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/credentials',
      operationId: 'addCredential',
      summary: 'Adds a sealed credential',
      description:
        'The id is made by the client, so that a repeated request adds nothing twice. It is `verifying` until the cloud has answered.',
      ...common,
      request: { body: body(AddCredential) },
      responses: {
        200: answer(Credential, 'The same request was made before.'),
        201: answer(Credential, 'Added.'),
        ...problems,
      },
    }),
    async (c) => {
      const { credential, created } = await addCredential(c.get('owner'), c.req.valid('json'));
      return c.json(credential, created ? 201 : 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/credentials',
      operationId: 'listCredentials',
      summary: 'Your credentials, newest first',
      ...common,
      responses: { 200: answer(listOf(Credential), 'At most 200.'), ...problems },
    }),
    async (c) => c.json({ items: await listCredentials(c.get('owner')) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/credentials/{id}',
      operationId: 'getCredential',
      summary: 'One credential',
      ...common,
      request: { params },
      responses: { 200: answer(Credential, 'The credential, without its secret.'), ...problems },
    }),
    async (c) => c.json(await getCredential(c.get('owner'), { credentialId: c.req.valid('param').id }), 200),
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/credentials/{id}',
      operationId: 'removeCredential',
      summary: 'Forgets a credential',
      description: 'Erases the stored secret. Refused while an instance that is not destroyed needs it.',
      ...common,
      request: { params },
      responses: { 204: { description: 'Forgotten.' }, ...problems },
    }),
    async (c) => {
      await removeCredential(c.get('owner'), { credentialId: c.req.valid('param').id });
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/credentials/{id}/catalogue',
      operationId: 'getCatalogue',
      summary: 'Regions, sizes and prices the credential may deploy to',
      ...common,
      request: { params },
      responses: { 200: answer(Catalogue, 'What the cloud offered at `fetchedAt`.'), ...problems },
    }),
    async (c) => c.json(await getCatalogue(c.get('owner'), { credentialId: c.req.valid('param').id }), 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/credentials/{id}/catalogue',
      operationId: 'refreshCatalogue',
      summary: 'Asks the cloud for its prices and stock of today',
      description:
        'Answers with the catalogue as it stands; `fetchedAt` of the next reading says when the new one is there. A catalogue of less than a minute is not asked for again.',
      ...common,
      request: { params },
      responses: {
        200: answer(CatalogueRenewal, 'It is of less than a minute: nothing is asked.'),
        202: answer(CatalogueRenewal, 'The cloud is being asked.'),
        ...problems,
      },
    }),
    async (c) => {
      const owner = c.get('owner');
      const wait = limiter.take('refresh', owner.actor.ownerId);
      if (wait !== null) {
        const { error, headers } = tooMany(wait);
        throw new RefusedWithHeaders(error, headers);
      }
      const renewal = await refreshCatalogue(owner, { credentialId: c.req.valid('param').id });
      return c.json(renewal, renewal.asked ? 202 : 200);
    },
  );

  return app;
}
