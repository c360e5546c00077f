import { ProductError } from '@claw-cloud/contracts';

/** What a command that needs root answers in the process sandbox. */
export const machineNeeded = (): ProductError =>
  new ProductError(
    'machine_needed',
    'This server is a process of the sandbox, and has no system of its own to do that with.',
    'Deploy to a cloud, or to the sandbox’s booted machines.',
  );
