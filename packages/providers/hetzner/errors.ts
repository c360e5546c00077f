import { ProductError } from '@claw-cloud/contracts';
import { clockTime, type RefusedAnswer, unknownAnswer } from '../http/answer.ts';
import type { ActionAnswer } from './answers.ts';
import { byStatus, down, fieldMeanings, limitNames, type Meaning, meanings, statusUrl } from './meanings.ts';

interface Origin {
  readonly vendorCode: string;
  readonly status?: number;
  readonly reference?: string | null;
}

function error(meaning: Meaning, cause: Origin): ProductError {
  return new ProductError(meaning.code, meaning.message, meaning.fix, {
    ...(meaning.link === undefined ? {} : { link: meaning.link }),
    // For the log: the vendor's code is a word of a list, never a text of theirs.
    cause,
  });
}

/** The names that the vendor's details hold: of refused fields, of limits. */
function namesIn(details: unknown, list: 'fields' | 'limits'): string[] {
  const entries = (details as Record<string, unknown> | null | undefined)?.[list];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: { name?: unknown } | null) =>
    typeof entry?.name === 'string' ? [entry.name] : [],
  );
}

/** What the vendor tells beside its code, where it can be said better with it. */
function refined(code: string | undefined, meaning: Meaning, details: unknown, again: Date | null): Meaning {
  if (code === 'invalid_input') {
    const field = namesIn(details, 'fields').find((name) => fieldMeanings[name]);
    return (field !== undefined && fieldMeanings[field]) || meaning;
  }
  if (code === 'resource_limit_exceeded') {
    const limit = namesIn(details, 'limits').find((name) => limitNames[name]);
    if (limit === undefined) return meaning;
    return { ...meaning, message: `The project's limit of ${limitNames[limit]} at Hetzner is reached.` };
  }
  const time = meaning.code === 'cloud_rate_limited' ? clockTime(again) : null;
  return time === null ? meaning : { ...meaning, fix: `Try again after ${time}. ${meaning.fix}` };
}

/** The product's error for an answer of Hetzner that is none of 2xx and 404. Vendor texts are not passed on. */
export function answeredError(answer: RefusedAnswer): ProductError {
  const { status, body, again, reference } = answer;
  const given = body?.error as { code?: unknown; details?: unknown } | undefined;
  const said = given?.code;
  const code = typeof said === 'string' && /^[a-z0-9_]{1,60}$/.test(said) ? said : undefined;
  const meaning = meanings[code ?? byStatus[status] ?? ''] ?? (status >= 500 ? down : undefined);
  if (!meaning) return unknownAnswer('Hetzner', answer, code);
  const vendorCode = code ?? `http_${status}`;
  return error(refined(code ?? byStatus[status], meaning, given?.details, again), {
    vendorCode,
    status,
    reference,
  });
}

/** The error for an action that Hetzner began and gave up. */
export function failedAction(action: ActionAnswer): ProductError {
  return answeredError({
    status: 500,
    body: { error: action.error ?? { code: 'action_failed' } },
    headers: new Headers(),
    again: null,
    reference: `action-${action.id}`,
  });
}

/** The error for an API that could not be reached within the time. */
export function unreachable(host: string, cause: unknown): ProductError {
  return new ProductError(
    'cloud_unavailable',
    `${host} could not be reached.`,
    `Check the network of the control plane and ${statusUrl}, then try again.`,
    { cause: cause instanceof Error ? cause.name : typeof cause },
  );
}

/**
 * The engine prints the vendor's errors as `text (code, correlation id)` (hcloud-go's Error.Error): the code is enough
 * to say the same as without the engine. Null when the text holds none.
 */
export function explainEngineText(text: string): ProductError | null {
  const said = [...text.matchAll(/\(([a-z][a-z0-9_]{3,59})(?:, ?([0-9A-Za-z-]{1,100}))?\)/g)];
  for (const [, code = '', reference = null] of said) {
    const meaning = meanings[code];
    if (!meaning) continue;
    // The plugin adds `[field => [text]]` to what was refused.
    const named = code === 'invalid_input' ? /\[([a-z_]{1,40}) =>/.exec(text)?.[1] : undefined;
    const field = named === undefined ? undefined : fieldMeanings[named];
    return error(field ?? meaning, { vendorCode: code, reference });
  }
  if (/unauthorized|unable to authenticate/i.test(text))
    return error(meanings.unauthorized as Meaning, { vendorCode: 'unauthorized' });
  if (/context deadline exceeded|connection refused|no such host|EOF\b/.test(text))
    return error(down, { vendorCode: 'transport' });
  // The plugin looks these up itself, and says so in its own words.
  const missing = /\b(server type|image) \S{1,60}(?: for architecture \S{1,10})? not found\b/.exec(text)?.[1];
  const field = missing === undefined ? undefined : fieldMeanings[missing.replace(' ', '_')];
  if (field) return error(field, { vendorCode: `${missing}_missing`.replace(' ', '_') });
  const unknown = said.find(([, , reference = '']) => reference.length >= 8);
  if (!unknown) return null;
  const [, code, reference = null] = unknown;
  const answer = { status: 0, body: undefined, headers: new Headers(), again: null, reference };
  return unknownAnswer('Hetzner', answer, code);
}
