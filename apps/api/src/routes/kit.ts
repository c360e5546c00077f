import { ProductError } from '@claw-cloud/contracts';
import type { OwnerContext } from '@claw-cloud/core';
import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { createMiddleware } from 'hono/factory';
import { bearerToken, type OwnerGate } from '../http/owner.ts';
import { problemType } from '../http/problem.ts';
import { ProblemSchema } from '../openapi/schemas.ts';

/** What a request carries through its middlewares. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: { requestId: string; clientAddress: string; ownerId?: string; owner: OwnerContext };
}

export type ApiApp = OpenAPIHono<ApiEnv>;

/** A router whose requests are checked against the contracts before a handler sees them. */
export function createRouter(): ApiApp {
  return new OpenAPIHono<ApiEnv>({
    defaultHook(result) {
      if (result.success) return;
      // An id of the wrong form names nothing.
      if (result.target === 'param')
        throw new ProductError('not_found', 'There is nothing under this id.', 'Check the id.');
      throw new ProductError(
        'invalid_request',
        'The request is not complete or not valid.',
        'Correct the fields named in "issues".',
        {
          issues: result.error.issues
            .slice(0, 20)
            .map(({ path, message }) => ({ path: path.join('.'), message })),
        },
      );
    },
  });
}

/** Lets in whoever is signed in, and hands the handler the context of their verbs. */
export const ownersOnly = (gate: OwnerGate) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const owner = await gate(bearerToken(c.req.header('authorization')), c.get('requestId'));
    c.set('ownerId', owner.actor.ownerId);
    c.set('owner', owner);
    await next();
  });

export const sessionSecurity = [{ session: [] as string[] }];
export const machineSecurity = [{ machine: [] as string[] }];

export const answer = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
export const body = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { 'application/json': { schema } },
});
/** The answer of every operation that doesn't succeed. */
export const problems = {
  default: {
    description: 'What went wrong, and what to do about it.',
    content: { [problemType]: { schema: ProblemSchema } },
  },
};
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
