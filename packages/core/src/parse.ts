import { ProductError } from '@claw-cloud/contracts';
import type { z } from 'zod';

const shownIssues = 20;

/** The parsed input; raises `invalid_request` that names every field that is wrong (at most 20). */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues
    .slice(0, shownIssues)
    .map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = issues;
  throw new ProductError(
    'invalid_request',
    first?.path ? `The field “${first.path}” ${sentence(first.message)}` : 'The request is not complete.',
    'Correct the fields named and send it again.',
    { issues },
  );
}

const sentence = (message: string): string =>
  message.startsWith('must') || message.startsWith('may') ? `${message}.` : `is not right: ${message}.`;
