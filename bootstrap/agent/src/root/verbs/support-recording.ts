import { GrantId, transferPieceBytes } from '@claw-cloud/contracts';
import { z } from 'zod';
import { requireGrant } from '../../support/kept-grants.ts';
import { readRecording } from '../../support/recordings.ts';
import { rootVerb } from '../verb.ts';

/** A piece of a session's recording, in asciicast v2. Raises `grant_unknown`, `not_found`. */
export const supportRecording = rootVerb({
  params: z.object({
    grantId: GrantId,
    session: z.string().regex(/^[0-9a-z-]{1,60}$/),
    offset: z.number().int().nonnegative(),
  }),
  result: z.object({
    data: z.string(),
    bytes: z.number().int().nonnegative(),
    done: z.boolean(),
  }),
  limitMs: 30_000,
  group: 'recording',
  async work({ grantId, session, offset }, { paths, now }) {
    requireGrant(paths.rootState, grantId, now());
    const whole = readRecording(paths.rootState, grantId, session);
    const piece = whole.subarray(offset, offset + transferPieceBytes);
    return {
      data: piece.toString('base64'),
      bytes: whole.length,
      done: offset + piece.length >= whole.length,
    };
  },
});
