import { ProductError } from '@claw-cloud/contracts';
import type { OpenCredential } from '../provider.ts';
import type { ActionAnswer } from './answers.ts';
import type { HetznerClient } from './client.ts';
import { answeredError } from './errors.ts';

const firstPollMs = 200;
const longestPollMs = 3_000;
const limitMs = 120_000;

/** Asks again and again, less and less often, until `done` is true; raises `cloud_unavailable` after two minutes. */
export async function waitUntil(
  client: HetznerClient,
  what: string,
  done: () => Promise<boolean>,
): Promise<void> {
  const end = client.now().getTime() + limitMs;
  for (let pauseMs = firstPollMs; !(await done()); pauseMs = Math.min(pauseMs * 1.5, longestPollMs)) {
    if (client.now().getTime() > end) {
      throw new ProductError(
        'cloud_unavailable',
        `Hetzner did not finish ${what} within two minutes.`,
        'Try again in a few minutes.',
      );
    }
    await client.sleep(pauseMs);
  }
}

/** Waits for the action that an answer names; an action that is forgotten counts as done. */
export async function awaitAction(
  client: HetznerClient,
  credential: OpenCredential,
  what: string,
  answer: Record<string, unknown> | null,
): Promise<void> {
  const action = answer?.action as ActionAnswer | undefined;
  if (!action) return;
  let last: ActionAnswer = action;
  await waitUntil(client, what, async () => {
    if (last.status !== 'running') return true;
    const body = await client.get(credential, `/actions/${action.id}`);
    if (!body) return true;
    last = body.action as ActionAnswer;
    return last.status !== 'running';
  });
  if (last.status === 'error') throw answeredError(500, last.error ? { error: last.error } : undefined);
}
