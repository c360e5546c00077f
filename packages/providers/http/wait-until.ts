import { ProductError } from '@claw-cloud/contracts';
import type { JsonClient } from './client.ts';

const firstPollMs = 200;
const longestPollMs = 3_000;

export interface Wait {
  /** The cloud's name, for a person. */
  readonly cloud: string;
  /** What is waited for, as in "did not finish …". */
  readonly what: string;
  /** @default 120000 */
  readonly limitMs?: number;
}

/** Asks again and again, less and less often, until `done` is true; raises `cloud_unavailable` at the limit. */
export async function waitUntil(
  client: Pick<JsonClient, 'now' | 'sleep'>,
  { cloud, what, limitMs = 120_000 }: Wait,
  done: () => Promise<boolean>,
): Promise<void> {
  const end = client.now().getTime() + limitMs;
  for (let pauseMs = firstPollMs; !(await done()); pauseMs = Math.min(pauseMs * 1.5, longestPollMs)) {
    if (client.now().getTime() > end) {
      throw new ProductError(
        'cloud_unavailable',
        `${cloud} did not finish ${what} within ${Math.round(limitMs / 60_000)} minutes.`,
        'Try again in a few minutes.',
      );
    }
    await client.sleep(pauseMs);
  }
}
