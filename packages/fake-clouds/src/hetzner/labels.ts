import { invalidField } from './errors.ts';
import { isLabel } from './selectors.ts';

/** The request's `labels`, checked; undefined when the request has none. */
export function labelsField(body: Record<string, unknown>): Record<string, string> | undefined {
  const value = body.labels;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidField('labels', 'Not a valid mapping.');
  const labels: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (!isLabel(key, text)) throw invalidField('labels', `The label '${key}' is not valid.`);
    labels[key] = text;
  }
  return labels;
}
