import { AttestStatement, type ownerResults } from '@claw-cloud/contracts';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { verifyAttestation } from '@claw-cloud/crypto/signing';
import type { z } from 'zod';

/** A statement's clock may be off by this much. */
const slackMs = 10 * 60_000;

export type AttestCheck =
  | { readonly ok: true; readonly statement: z.output<typeof AttestStatement> }
  | { readonly ok: false; readonly why: string };

/**
 * Whether what an instance answered to `instance.attest` is signed by the key it names, answers this very question, and
 * is of now. Ask over the owner channel: that is what proves whose key it is.
 */
export async function checkAttestation(
  { statement, signature, identityPublicKey }: z.input<(typeof ownerResults)['instance.attest']>,
  { instanceId, nonce, now }: { instanceId: string; nonce: string; now: number },
): Promise<AttestCheck> {
  await ready();
  const refused = (why: string): AttestCheck => ({ ok: false, why });
  try {
    if (!verifyAttestation(fromBase64Url(identityPublicKey), statement, fromBase64Url(signature)))
      return refused('Its signature does not fit: it was changed, or another machine made it.');
  } catch {
    return refused('Its signature can’t be read.');
  }
  const parsed = AttestStatement.safeParse(asJson(statement));
  if (!parsed.success) return refused('It has a form that this page does not know.');
  if (parsed.data.instanceId !== instanceId) return refused('It is of another server.');
  if (parsed.data.nonce !== nonce)
    return refused('It answers another question: it may be an old one, sent again.');
  if (Math.abs(Date.parse(parsed.data.at) - now) > slackMs)
    return refused('It is not of now. Is the server’s clock right?');
  return { ok: true, statement: parsed.data };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
