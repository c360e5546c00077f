import type { AttestCheck } from '@claw-cloud/owner-client';
import { loadOwnerClient } from '../keys/owner.ts';
import type { Answer, Ask } from './ask.ts';

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** Asks the server what runs on it, with a question nobody asked before, and checks that this is what was answered. */
export async function askForStatement(
  ask: Ask,
  instanceId: string,
): Promise<{ check: AttestCheck; answer: Answer<'instance.attest'> }> {
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const answer = await ask('instance.attest', { nonce }, { timeoutMs: 60_000 });
  const { checkAttestation } = await loadOwnerClient();
  return { answer, check: await checkAttestation(answer, { instanceId, nonce, now: Date.now() }) };
}
