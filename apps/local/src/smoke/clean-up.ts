import { setTimeout as delay } from 'node:timers/promises';
import type { Cloud, Receipt } from '@claw-cloud/contracts';
import { type createApiClient, isProblem } from '@claw-cloud/owner-client';
import { destroyed } from '../owner-life.ts';
import type { Report } from '../report.ts';
import type { Account } from './account.ts';

const destroyLimitMs = 15 * 60_000;
const tries = 3;
const pauseMs = 2_000;

/** Something is still in the account, or it can't be known: the error that must not be kept from anybody. */
export class Leftover extends Error {
  override readonly name = 'Leftover';
}

interface CleanUp {
  readonly api: ReturnType<typeof createApiClient>;
  readonly account: Account;
  readonly cloud: Cloud;
  readonly instanceId: string;
  readonly tag: string;
  readonly report: Report;
}

/**
 * Destroys through the platform, as an owner does; then looks into the account past it, and deletes there by tag what
 * the platform could not. Bounded, and deaf to Ctrl-C, which is answered with a warning. Raises `Leftover`.
 */
export async function cleanUp(parts: CleanUp): Promise<Receipt | null> {
  const { account, cloud, tag, report } = parts;
  const warn = () =>
    void process.stderr.write(
      `\nStill deleting what was made. Ended now, it would go on costing: look for the tag ${tag} at ${cloud.name}.\n`,
    );
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, warn);
  try {
    const receipt = await byThePlatform(parts);
    const left = await account.clear(tag, (line) => report.note(line));
    if (left.length > 0) {
      const what = left.map(({ kind, id, name }) => `${kind.replace('_', ' ')} ${name} (${id})`).join(', ');
      throw new Leftover(
        `NOT CLEAN. Still at ${cloud.name}: ${what}. Look for the tag ${tag} and delete it there.`,
      );
    }
    return receipt;
  } catch (error) {
    if (error instanceof Leftover) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Leftover(
      `NOT KNOWN TO BE CLEAN: ${cloud.name} could not be asked (${reason}). Look for the tag ${tag} and delete what bears it. The next smoke test looks for it first.`,
    );
  } finally {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, warn);
  }
}

/** Null where the platform knows no such instance, or could not destroy it. */
async function byThePlatform({ api, instanceId, report }: CleanUp): Promise<Receipt | null> {
  const limit = AbortSignal.timeout(destroyLimitMs);
  let failures = 0;
  while (!limit.aborted) {
    try {
      await destroyed(api, instanceId, limit);
      return await api.getReceipt(instanceId, limit);
    } catch (error) {
      if (isProblem(error, 'not_found')) return null;
      // A deploy that is making its server has to come to its end first.
      if (!isProblem(error, 'instance_busy')) {
        failures += 1;
        report.note(error instanceof Error ? error.message : String(error));
        if (failures === tries) return null;
      }
      await delay(pauseMs);
    }
  }
  return null;
}
