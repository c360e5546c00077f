import { decrypt, encrypt, NONCE_BYTES, TAG_BYTES } from '../aead.ts';
import { lengthPrefixed, randomBytes } from '../bytes.ts';
import { toBase64Url, tryBase64Url } from '../encoding.ts';
import {
  type Envelope,
  type EnvelopeContext,
  type KeyRing,
  MAX_ENVELOPE_PLAINTEXT_BYTES,
} from '../envelope/index.ts';
import { CryptoError } from '../errors.ts';
import { type Secret, type SecretBytes, secret, withBytes } from '../secret.ts';
import { isKekVersion } from './key-ring.ts';

const VERSION = 1;
const DATA_KEY_BYTES = 32;
const WRAPPED_BYTES = NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;
const MAX_NAME_CHARS = 256;

/**
 * Encrypts a secret (at most 256 KiB) under a fresh data key, bound to its owner, record and field, and
 * wraps that key with the ring's current version. Raises `envelope_plaintext_too_large`, `input_invalid`.
 */
export function sealEnvelope(ring: KeyRing, context: EnvelopeContext, plaintext: SecretBytes): Envelope {
  const { owner, record, field } = context;
  const badName = nameFault(context);
  if (badName) {
    throw new CryptoError(
      'input_invalid',
      `The envelope's ${badName} must be a text of 1 to ${MAX_NAME_CHARS} characters.`,
      'Give the ids of the record the secret belongs to.',
      { field: badName },
    );
  }
  const dataKey = randomBytes(DATA_KEY_BYTES);
  try {
    return withBytes(plaintext, (bytes) => {
      if (bytes.length > MAX_ENVELOPE_PLAINTEXT_BYTES) {
        throw new CryptoError(
          'envelope_plaintext_too_large',
          'The secret to store is larger than 256 KiB.',
          'Store secrets such as credentials here, not files.',
        );
      }
      return {
        v: VERSION,
        kek: ring.current,
        owner,
        record,
        field,
        wrappedKey: toBase64Url(ring.wrap(ring.current, dataKey, keyData(context, ring.current))),
        ciphertext: toBase64Url(encrypt(dataKey, bytes, contentData(context))),
      };
    });
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Opens an envelope that must belong to `expected` (take it from the row's own columns, not from the
 * envelope). The plaintext is the caller's to wipe. Raises `envelope_malformed`,
 * `envelope_version_unknown`, `envelope_context_mismatch`, `kek_unknown`, `data_key_tampered` and
 * `ciphertext_tampered`.
 */
export function openEnvelope(
  ring: KeyRing,
  expected: EnvelopeContext,
  envelope: Envelope,
): Secret<Uint8Array> {
  const { wrapped, content } = readEnvelope(envelope);
  for (const name of ['owner', 'record', 'field'] as const) {
    if (envelope[name] !== expected[name]) {
      throw new CryptoError(
        'envelope_context_mismatch',
        `This stored secret belongs to another ${name}: the row was moved.`,
        'Restore the row from a backup, or have its owner enter the credential again. Find out who moved it.',
        { field: name },
      );
    }
  }
  const dataKey = ring.unwrap(envelope.kek, wrapped, keyData(envelope, envelope.kek));
  try {
    const plaintext = decrypt(dataKey, content, contentData(envelope));
    if (plaintext) return secret(plaintext);
  } finally {
    dataKey.fill(0);
  }
  throw new CryptoError(
    'ciphertext_tampered',
    'The content of this stored secret was altered.',
    'Restore the row from a backup, or have its owner enter the credential again.',
  );
}

/**
 * Wraps the data key with the ring's current version and leaves the content byte for byte as it is; an
 * envelope that is current comes back as it was. Raises what {@link openEnvelope} does, save for the
 * content, which it does not look at.
 */
export function rewrapEnvelope(ring: KeyRing, envelope: Envelope): Envelope {
  const { wrapped } = readEnvelope(envelope);
  if (envelope.kek === ring.current) return envelope;
  const dataKey = ring.unwrap(envelope.kek, wrapped, keyData(envelope, envelope.kek));
  try {
    const rewrapped = ring.wrap(ring.current, dataKey, keyData(envelope, ring.current));
    return { ...envelope, kek: ring.current, wrappedKey: toBase64Url(rewrapped) };
  } finally {
    dataKey.fill(0);
  }
}

function contentData({ owner, record, field }: EnvelopeContext): Uint8Array {
  return lengthPrefixed('claw.envelope.data', VERSION, owner, record, field);
}

function keyData({ owner, record, field }: EnvelopeContext, kek: number): Uint8Array {
  return lengthPrefixed('claw.envelope.key', VERSION, owner, record, field, kek);
}

function readEnvelope(envelope: Envelope): { wrapped: Uint8Array; content: Uint8Array } {
  const { v, kek, wrappedKey, ciphertext } = (envelope ?? {}) as { [name in keyof Envelope]?: unknown };
  if (!Number.isInteger(v)) throw malformed('v');
  if (v !== VERSION) {
    throw new CryptoError(
      'envelope_version_unknown',
      `This stored secret has format version ${v}; this program reads version ${VERSION}.`,
      'Run the version of the program that wrote it, or a newer one.',
      { version: v as number },
    );
  }
  if (!isKekVersion(kek)) throw malformed('kek');
  const badName = nameFault(envelope);
  if (badName) throw malformed(badName);
  const wrapped = tryBase64Url(wrappedKey);
  if (wrapped?.length !== WRAPPED_BYTES) throw malformed('wrappedKey');
  const content = tryBase64Url(ciphertext);
  const overhead = NONCE_BYTES + TAG_BYTES;
  if (!content || content.length < overhead) throw malformed('ciphertext');
  if (content.length > MAX_ENVELOPE_PLAINTEXT_BYTES + overhead) throw malformed('ciphertext');
  return { wrapped, content };
}

function nameFault(context: EnvelopeContext): 'owner' | 'record' | 'field' | undefined {
  return (['owner', 'record', 'field'] as const).find((name) => {
    const value: unknown = context[name];
    return typeof value !== 'string' || value.length === 0 || value.length > MAX_NAME_CHARS;
  });
}

function malformed(field: string): CryptoError {
  return new CryptoError(
    'envelope_malformed',
    `This stored secret cannot be read: its ${field} has not the form of an envelope.`,
    'Restore the row from a backup, or have its owner enter the credential again.',
    { field },
  );
}
