import { type ErrorCode, errorCodes, ProductError } from '@claw-cloud/contracts';

/** What the functions in the database say beside the code: see `private.refuse` in the migrations. */
type Detail = Record<string, unknown>;
type Words = (detail: Detail) => readonly [message: string, fix: string];

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const quoted = (value: unknown): string => (text(value) ? `“${text(value)}”` : 'it');

/** What an operation does to an instance. */
const doneTo: Readonly<Record<string, string>> = {
  deploy: 'deployed',
  destroy: 'destroyed',
  start: 'started',
  stop: 'stopped',
  reboot: 'rebooted',
  resize: 'resized',
  check: 'checked',
  repair: 'repaired',
};

/** The words for a person of every refusal that comes from the database. */
const words: Partial<Record<ErrorCode, Words>> = {
  forbidden: () => ['This belongs to another account.', 'Sign in again.'],
  not_found: ({ what }) => [
    text(what)
      ? `There is no such ${text(what)} in your account.`
      : 'There is no such thing in your account.',
    'Check the id, or go back to the list: it may have been removed.',
  ],
  conflict: ({ what, from, to, wish, unbound }) => {
    if (text(unbound))
      return [
        `No record binds ${quoted(unbound)} to an instance of yours, so it is not deleted here.`,
        'Look at it in the cloud’s console, and delete it there if it is yours.',
      ];
    if (text(wish))
      return [
        `It is ${text(from)} and can't be ${doneTo[text(wish)] ?? text(wish)} now.`,
        'Reload to see what it has become.',
      ];
    return text(from)
      ? [`It is ${text(from)} and can't become ${text(to)}.`, 'Reload to see what it has become.']
      : [
          `This id is taken by ${text(what) === 'credential' ? 'another credential' : `another ${text(what) || 'record'}`}.`,
          'Start again with a new form: it gets a new id.',
        ];
  },
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
  instance_busy: ({ name, kind }) => [
    `The instance ${quoted(name)} is being ${doneTo[text(kind)] ?? 'worked on'}.`,
    'Wait for that to end, then try again.',
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
    'This instance has no registered key, has been ejected, or is being destroyed.',
    'Register first; an instance that is its owner’s alone or is being destroyed is not let in any more.',
  ],
  grant_unknown: () => ['There is no such grant.', 'Ask the owner for the command again.'],
  grant_ended: () => ['This grant has ended.', 'Ask the owner for a new one.'],
  grant_token_invalid: () => ['This is not the token of the grant.', 'Ask the owner for the command again.'],
  rate_limited: () => ['The instance reports too much.', 'It tries again by itself.'],
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
