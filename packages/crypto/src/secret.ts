import { utf8 } from './bytes.ts';
import { CryptoError } from './errors.ts';

const REDACTED = '[redacted]';

/**
 * A value that must not be printed. However it is turned into text (a template, JSON, a log line, Node's
 * inspect) it reads `[redacted]`; the value is seen only inside `use`.
 */
export interface Secret<T extends Uint8Array | string = Uint8Array> {
  /** Runs `fn` with the value and returns its result. Raises `secret_wiped` after {@link wipe}. */
  use<R>(fn: (value: T) => R): R;
  /** Zeroes bytes in place. A string can only be let go of: JavaScript cannot overwrite it. */
  wipe(): void;
  toString(): string;
  toJSON(): string;
}

/** What functions that take secret bytes accept: the type, or bare bytes their caller answers for. */
export type SecretBytes = Uint8Array | Secret<Uint8Array>;
/** What functions that take a secret text accept. */
export type SecretText = string | Secret<string>;

/** Wraps a value. The bytes are not copied: wiping the secret wipes the array that was passed. */
export function secret<T extends Uint8Array | string>(value: T): Secret<T> {
  let held: T | undefined = value;
  const self = {
    use<R>(fn: (value: T) => R): R {
      if (held === undefined) {
        throw new CryptoError(
          'secret_wiped',
          'This secret was wiped and can no longer be used.',
          'Read it again from where it is kept, and wipe it only after its last use.',
        );
      }
      return fn(held);
    },
    wipe(): void {
      if (held instanceof Uint8Array) held.fill(0);
      held = undefined;
    },
    toString: () => REDACTED,
    toJSON: () => REDACTED,
    // Node's inspect looks for this registered symbol; elsewhere it is an unused property.
    [Symbol.for('nodejs.util.inspect.custom')]: () => REDACTED,
  };
  return Object.freeze(self);
}

/** Runs `fn` with the bytes of either form. */
export function withBytes<R>(input: SecretBytes, fn: (bytes: Uint8Array) => R): R {
  return input instanceof Uint8Array ? fn(input) : input.use(fn);
}

/** Runs `fn` with the text of either form. */
export function withText<R>(input: SecretText, fn: (text: string) => R): R {
  return typeof input === 'string' ? fn(input) : input.use(fn);
}

/** Runs `fn` with a UTF-8 copy of a secret text, and wipes the copy. */
export function withTextBytes<R>(input: SecretText, fn: (bytes: Uint8Array) => R): R {
  const bytes = withText(input, utf8);
  try {
    return fn(bytes);
  } finally {
    bytes.fill(0);
  }
}
