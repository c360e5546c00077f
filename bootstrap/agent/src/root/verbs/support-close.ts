import { GrantId } from '@claw-cloud/contracts';
import { z } from 'zod';
import { GrantState, requireGrant } from '../../support/kept-grants.ts';
import { endScript } from '../../support/places.ts';
import { rootVerb } from '../verb.ts';

/** Ends a grant now, its sessions too: the same script that systemd runs at the end. Raises `grant_unknown`. */
export const supportClose = rootVerb({
  params: z.object({ grantId: GrantId }),
  result: GrantState,
  limitMs: 30_000,
  async work({ grantId }, { paths, must, now }) {
    const { endedAt } = requireGrant(paths.rootState, grantId, now());
    if (endedAt === null) await must(['/bin/sh', endScript, grantId, 'revoked']);
    return requireGrant(paths.rootState, grantId, now());
  },
});
