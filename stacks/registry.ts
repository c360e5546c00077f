import { ProductError } from '@claw-cloud/contracts';
import type { Stack } from './stack.ts';

export type * from './stack.ts';

const folderName = /^[a-z][a-z0-9]{1,29}$/;

/**
 * The Pulumi program in a cloud's folder here, named as in the registry of clouds; loaded when asked for, since a
 * cloud's Pulumi package costs memory and time at start. Raises `provider_unavailable` when there is none.
 */
export async function stackIn(folder: string): Promise<Stack> {
  if (folderName.test(folder)) {
    try {
      return ((await import(`./${folder}/program.ts`)) as { stack: Stack }).stack;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ProductError(
    'provider_unavailable',
    'There is no Pulumi program for this cloud.',
    'Choose another cloud.',
  );
}
