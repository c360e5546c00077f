import { waitUntil } from '../http/wait-until.ts';
import type { OpenCredential } from '../provider.ts';
import type { ActionAnswer } from './answers.ts';
import type { HetznerClient } from './client.ts';
import { failedAction } from './errors.ts';

/** Waits for the action that an answer names, at most two minutes; an action that is forgotten counts as done. */
export async function awaitAction(
  client: HetznerClient,
  credential: OpenCredential,
  what: string,
  answer: Record<string, unknown> | null,
): Promise<void> {
  const action = answer?.action as ActionAnswer | undefined;
  if (!action) return;
  let last: ActionAnswer = action;
  await waitUntil(client, { cloud: 'Hetzner', what }, async () => {
    if (last.status !== 'running') return true;
    const body = await client.get(credential, `/actions/${action.id}`);
    if (!body) return true;
    last = body.action as ActionAnswer;
    return last.status !== 'running';
  });
  if (last.status === 'error') throw failedAction(last);
}
