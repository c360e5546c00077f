import { type ErrorCode, errorCodes, ProductError } from '@claw-cloud/contracts';

/** What the functions in the database say beside the code: see `private.refuse` in the migrations. */
type Detail = Record<string, unknown>;
type Words = (detail: Detail) => readonly [message: string, fix: string];

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const quoted = (value: unknown): string => (text(value) ? `“${text(value)}”` : 'it');

/** The words for a person of every refusal that comes from the database. */
const words: Partial<Record<ErrorCode, Words>> = {
  forbidden: () => ['This belongs to another account.', 'Sign in again.'],
  not_found: ({ what }) => [
    text(what)
      ? `There is no such ${text(what)} in your account.`
      : 'There is no such thing in your account.',
    'Check the id, or go back to the list: it may have been removed.',
  ],
  conflict: ({ what, from, to }) =>
    text(from)
      ? [`It is ${text(from)} and can't become ${text(to)}.`, 'Reload to see what it has become.']
      : [
          `This id is taken by ${text(what) === 'credential' ? 'another credential' : `another ${text(what) || 'record'}`}.`,
          'Start again with a new form: it gets a new id.',
        ],
  credential_not_ready: ({ name }) => [
    `The credential ${quoted(name)} is still being checked with the cloud.`,
    'Wait a few seconds, then try again.',
  ],
  credential_rejected: ({ name }) => [
    `The cloud did not accept the credential ${quoted(name)}.`,
    'Open the credential to see why, and add a new one.',
  ],
  credential_in_use: ({ instances }) => [
    `The credential is needed by ${(Array.isArray(instances) ? instances : []).map(quoted).join(', ') || 'an instance'}.`,
    'Destroy these instances first: without the credential nobody could delete their servers.',
  ],
  instance_busy: ({ name }) => [
    `The instance ${quoted(name)} is being deployed.`,
    'Wait for the deploy to end, then destroy it.',
  ],
  lease_lost: () => [
    'Another worker has taken this operation over.',
    'Stop working on it: the other one finishes it.',
  ],
  registration_token_invalid: () => [
    'This registration token is not known.',
    'Destroy the instance and deploy it again: a machine gets its token at the deploy.',
  ],
  registration_token_expired: () => [
    'This registration token has expired: the machine took too long to call.',
    'Destroy the instance and deploy it again.',
  ],
  registration_replayed: () => [
    'This registration token has been used already.',
    'If you did not start this machine twice, destroy the instance: somebody may have a copy of its user-data.',
  ],
  registration_wrong_instance: () => [
    'This registration token belongs to another instance.',
    'Use the token that came with this machine’s own user-data.',
  ],
  tunnel_key_unknown: () => [
    'This instance has no registered key, or is being destroyed.',
    'Register first; an instance that is being destroyed is not let in any more.',
  ],
  invalid_request: () => ['The data is not complete.', 'Send every field that the state needs.'],
};

/** The error of the closed list for a refusal of the database. */
export function refusal(code: ErrorCode, detail: Detail = {}): ProductError {
  const [message, fix] = words[code]?.(detail) ?? ['The database refused this.', 'Try again.'];
  return new ProductError(code, message, fix);
}

export interface DatabaseError {
  readonly message?: string;
  readonly code?: string;
  readonly details?: unknown;
}

/**
 * Turns what the data endpoint answered into a ProductError. Foreign texts stay out: they may quote values.
 */
export function toProductError(error: DatabaseError, status: number): ProductError {
  const code = errorCodes.find((known) => known === error.message);
  if (code && /^PT\d{3}$/.test(error.code ?? '')) return refusal(code, parseDetail(error.details));
  const known = /^[A-Z0-9]{3,10}$/.test(error.code ?? '') ? ` ${error.code}` : '';
  const cause = new Error(`the data endpoint answered ${status}${known}`);
  return status === 0 || status >= 502
    ? new ProductError('unavailable', 'The database does not answer.', 'Try again in a moment.', { cause })
    : new ProductError('internal', 'Something went wrong on our side.', 'Try again.', { cause });
}

function parseDetail(details: unknown): Detail {
  if (typeof details !== 'string') return {};
  try {
    const parsed: unknown = JSON.parse(details);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Detail) : {};
  } catch {
    return {};
  }
}
