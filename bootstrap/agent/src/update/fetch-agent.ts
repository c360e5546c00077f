import { createHash } from 'node:crypto';
import { ProductError } from '@claw-cloud/contracts';
import { createBackoff, pause } from '../backoff.ts';

export interface FetchAgentOptions {
  controlPlaneUrl: string;
  sha256: string;
  signal: AbortSignal;
  fetch?: typeof globalThis.fetch;
  /** @default 2000 */
  retryBaseMs?: number;
}

const attempts = 4;
const limitMs = 60_000;
/** What root takes at once, before base64. */
const largestBytes = 2_800_000;

async function readBounded(answer: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > largestBytes) throw new Error(`it is longer than ${largestBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * An agent's file from the control plane, which serves it to anybody: its digest, which the owner has confirmed, is what
 * makes it the right one. Raises `digest_mismatch`, `version_unknown` where there is none, and `unavailable`.
 */
export async function fetchAgent(options: FetchAgentOptions): Promise<Buffer> {
  const { controlPlaneUrl, sha256, signal, fetch = globalThis.fetch, retryBaseMs = 2000 } = options;
  const backoff = createBackoff({ baseMs: retryBaseMs, capMs: 30_000 });
  for (let attempt = 1; ; attempt += 1) {
    let why: string;
    try {
      const answer = await fetch(`${controlPlaneUrl}/v1/agent/${sha256}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
      });
      if (answer.ok) {
        const bytes = await readBounded(answer);
        const got = createHash('sha256').update(bytes).digest('hex');
        if (got === sha256) return bytes;
        throw new ProductError(
          'digest_mismatch',
          `The agent that was fetched is another one: its SHA-256 is ${got}, expected ${sha256}.`,
          'Nothing was changed. Compare the digest with the published one before you try again.',
        );
      }
      await answer.body?.cancel();
      if (answer.status === 404) {
        throw new ProductError(
          'version_unknown',
          `The control plane has no agent with the SHA-256 ${sha256}.`,
          'Reload the page, and take the version that is offered.',
        );
      }
      why = `HTTP ${answer.status}`;
    } catch (error) {
      if (error instanceof ProductError || signal.aborted) throw error;
      why = error instanceof Error ? error.message : 'unknown reason';
    }
    if (attempt >= attempts) {
      throw new ProductError(
        'unavailable',
        `The new agent could not be fetched in ${attempts} attempts: ${why}`,
        'Try again in a few minutes.',
      );
    }
    await pause(backoff.next(), signal);
  }
}
