import { z } from 'zod';
import { GrantState, readGrants } from '../../support/kept-grants.ts';
import { rootVerb } from '../verb.ts';

/** Every grant kept, newest first, as it stands. */
export const supportList = rootVerb({
  params: z.object({}),
  result: z.object({ grants: z.array(GrantState).max(200) }),
  limitMs: 15_000,
  work: async (_, { paths, now }) => ({ grants: readGrants(paths.rootState, now()).slice(0, 200) }),
});
