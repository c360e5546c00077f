import { ProductError } from '@claw-cloud/contracts';
import { redactedTail } from '../redact.ts';
import type { FailedStep } from './records.ts';

/** A step of an update that did not work, in words for the owner. */
export class StepFailed extends Error {
  readonly step: FailedStep;
  constructor(step: FailedStep, message: string) {
    super(message);
    this.name = 'StepFailed';
    this.step = step;
  }
}

/** Runs a step; whatever it raises is that step's failure. An error that tells the owner what to do stays as it is. */
export async function inStep<T>(step: FailedStep, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StepFailed || error instanceof ProductError) throw error;
    throw new StepFailed(step, reasonOf(error));
  }
}

/** An error's words without secrets, short enough for a record. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : 'unknown reason';
  return redactedTail(text, [], 600).trim();
}

/** The end of what a program said, from the beginning of a line. */
export function lastWords({ stdout, stderr }: { stdout: string; stderr: string }): string {
  const said = (stderr.trim() || stdout.trim()).split('\n');
  let words = said.pop() ?? '';
  while (said.length > 0 && words.length + (said.at(-1)?.length ?? 0) < 400)
    words = `${said.pop()}\n${words}`;
  return words.slice(0, 400);
}
