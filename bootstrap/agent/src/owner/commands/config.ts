import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { asAdmin } from '../../openclaw/gateway.ts';
import { protectedSetting } from '../../openclaw/protected-settings.ts';
import type { Handlers } from './context.ts';

const Snapshot = z.object({ hash: z.string(), config: z.record(z.string(), z.unknown()) });
const note = 'changed by the owner';
const maxPatchChars = 256 * 1024;

const Refusal = z.object({ code: z.string(), message: z.string() });

/** OpenClaw's refusal in the owner's words; null for anything else. */
function refusalOf(error: unknown): ProductError | null {
  const refusal = Refusal.safeParse(error);
  if (!(error instanceof Error) || !refusal.success || refusal.data.code !== 'INVALID_REQUEST') return null;
  const message = refusal.data.message;
  if (/base ?hash|re-run config\.get|changed since/i.test(message)) {
    return new ProductError(
      'conflict',
      'The configuration was changed in the meantime.',
      'Load it again, look at what is different now, and make your change once more.',
    );
  }
  const what = message.replace(/^invalid config:\s*/i, '').slice(0, 1500);
  return new ProductError(
    'invalid_request',
    `OpenClaw does not take this: ${what}`,
    'Correct the value named here; nothing was changed.',
  );
}

async function inOwnersWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

/** OpenClaw's configuration, checked by its own schema; secrets in it are never shown. */
export const configCommands = {
  'config.get': async (_, { gateway }) =>
    asAdmin(gateway, async (connection) => {
      const { hash, config } = Snapshot.parse(await connection.request('config.get', {}));
      return { hash, config };
    }),

  'config.schema': async ({ path }, { gateway }) =>
    inOwnersWords(() =>
      asAdmin(gateway, async (connection) => ({
        schema:
          path === undefined
            ? await connection.request('config.schema', {})
            : await connection.request('config.schema.lookup', { path }),
      })),
    ),

  'config.set': async ({ baseHash, patch }, { gateway, log }) => {
    const guarded = protectedSetting(patch);
    if (guarded) {
      throw new ProductError(
        'forbidden',
        `${guarded.path} can’t be changed here: ${guarded.why}.`,
        'Leave it out of the change.',
      );
    }
    const raw = JSON.stringify(patch);
    if (raw.length > maxPatchChars) {
      throw new ProductError('payload_too_large', 'The change is larger than 256 KB.', 'Make it in parts.');
    }
    return inOwnersWords(() =>
      asAdmin(gateway, async (connection) => {
        await connection.request('config.patch', { baseHash, raw, note }, 60_000);
        log('the owner changed OpenClaw’s configuration');
        return { hash: Snapshot.parse(await connection.request('config.get', {})).hash };
      }),
    );
  },
} satisfies Handlers;
