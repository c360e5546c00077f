import { fromUtf8, requireLength, utf8 } from '../bytes.ts';
import { toBase64Url, tryBase64Url } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import { generateKeyPair, type KeyPair, type KeyPairInput, keyPairFromPrivateKey } from '../key-pair.ts';
import { type Secret, type SecretBytes, type SecretText, secret, withBytes, withText } from '../secret.ts';
import { sodium } from '../sodium.ts';

/** The provisioner's key pair that browsers seal for. `kid` is a digest of the public key. */
export interface IntakeKeyPair extends KeyPair {
  readonly kid: string;
}

/** What a browser is told. */
export interface IntakePublicKey {
  readonly kid: string;
  readonly publicKey: Uint8Array;
}

/** What is sent and stored. Only the holder of the private key of `kid` can open `box` (base64url). */
export interface SealedBox {
  readonly kid: string;
  readonly box: string;
}

/**
 * What the payload is for, e.g. `{ownerId, credentialId, provider, purpose}`. A sealed box has neither
 * additional data nor an authenticated sender: the context travels inside and is checked on opening.
 */
export type SealedContext = Readonly<Record<string, string>>;

/** The largest payload: 64 KiB of UTF-8. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;
const MAX_CONTEXT_FIELDS = 16;
const MAX_CONTEXT_CHARS = 256;
/** Plaintexts are padded to a multiple of this, so the size of the box tells little of the credential. */
const PAD_BYTES = 256;
// JSON escapes a character as up to six bytes; with the context and the padding nothing honest is larger.
const MAX_BOX_BYTES = 6 * (MAX_PAYLOAD_BYTES + 2 * MAX_CONTEXT_FIELDS * MAX_CONTEXT_CHARS) + 4 * PAD_BYTES;

/** A fresh intake key pair. */
export function generateIntakeKeyPair(): IntakeKeyPair {
  const pair = generateKeyPair();
  return { kid: intakeKeyId(pair.publicKey), ...pair };
}

/** The intake key pair of a stored private key (32 bytes). Raises `input_invalid`. */
export function intakeKeyPairFromPrivateKey(privateKey: SecretBytes): IntakeKeyPair {
  const pair = keyPairFromPrivateKey(privateKey);
  return { kid: intakeKeyId(pair.publicKey), ...pair };
}

/** The key id of an intake public key: `ik_` and 16 characters of a labelled BLAKE2b digest. */
export function intakeKeyId(publicKey: Uint8Array): string {
  requireLength(publicKey, 32, 'publicKey');
  return `ik_${toBase64Url(sodium().crypto_generichash(32, publicKey, utf8('claw.intake.kid.v1'))).slice(0, 16)}`;
}

/**
 * Seals a text (at most 64 KiB) for an intake key (libsodium's sealed box: X25519 and XSalsa20-Poly1305
 * with a key of its own that is thrown away). Raises `sealed_payload_too_large` and `input_invalid`.
 */
export function sealFor(key: IntakePublicKey, context: SealedContext, payload: SecretText): SealedBox {
  requireLength(key.publicKey, 32, 'publicKey');
  const badField = contextFault(context);
  if (badField !== undefined) {
    throw new CryptoError(
      'input_invalid',
      `The context field "${badField}" of the sealed box is not usable.`,
      `Give 1 to ${MAX_CONTEXT_FIELDS} fields of text, each name and value at most ${MAX_CONTEXT_CHARS} characters.`,
      { field: badField },
    );
  }
  return withText(payload, (text) => {
    if (text.length > MAX_PAYLOAD_BYTES || utf8Length(text) > MAX_PAYLOAD_BYTES) {
      throw new CryptoError(
        'sealed_payload_too_large',
        'The text to seal is larger than 64 KiB.',
        'Check that the right file was chosen: a cloud credential is a few kilobytes at most.',
      );
    }
    const plain = utf8(JSON.stringify({ context, payload: text }));
    const padded = sodium().pad(plain, PAD_BYTES);
    try {
      return { kid: key.kid, box: toBase64Url(sodium().crypto_box_seal(padded, key.publicKey)) };
    } finally {
      plain.fill(0);
      padded.fill(0);
    }
  });
}

/**
 * Opens a sealed box and checks that it was sealed for exactly this context. Raises `sealed_key_unknown`,
 * `sealed_box_malformed`, `sealed_box_tampered` and `sealed_context_mismatch` (which names the field that
 * differs and no value).
 */
export function openSealed(
  keyPairsByKid: Readonly<Record<string, KeyPairInput>>,
  sealed: SealedBox,
  expectedContext: SealedContext,
): Secret<string> {
  const { kid, cipher } = readSealed(sealed);
  const pair = Object.hasOwn(keyPairsByKid, kid) ? keyPairsByKid[kid] : undefined;
  if (!pair) {
    throw new CryptoError(
      'sealed_key_unknown',
      'This was sealed for an intake key that is not in use here.',
      'Reload the page to fetch the current key, and enter the credential again.',
    );
  }
  const { context, payload } = decrypt(pair, cipher);
  checkContext(context, expectedContext);
  return secret(payload);
}

function readSealed(sealed: SealedBox): { kid: string; cipher: Uint8Array } {
  const { kid, box } = (sealed ?? {}) as Partial<SealedBox>;
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > 64)
    throw malformed('its key id is missing');
  if (typeof box !== 'string' || box.length > (MAX_BOX_BYTES * 4) / 3)
    throw malformed('its size is not possible');
  const cipher = tryBase64Url(box);
  if (!cipher) throw malformed('it is not base64url');
  if (cipher.length < sodium().crypto_box_SEALBYTES + PAD_BYTES) throw malformed('it is too short');
  return { kid, cipher };
}

function decrypt(pair: KeyPairInput, cipher: Uint8Array): { context: SealedContext; payload: string } {
  let padded: Uint8Array;
  try {
    padded = withBytes(pair.privateKey, (key) => sodium().crypto_box_seal_open(cipher, pair.publicKey, key));
  } catch {
    throw new CryptoError(
      'sealed_box_tampered',
      'The sealed credential was altered after it was sealed, or was sealed for another key.',
      'Enter the credential again.',
    );
  }
  let plain: Uint8Array | undefined;
  try {
    plain = sodium().unpad(padded, PAD_BYTES);
    const content: unknown = JSON.parse(fromUtf8(plain) ?? '');
    if (!isContent(content)) throw malformed('its content has another form');
    return content;
  } catch {
    // Anybody can seal for a public key, so even what opens is input of a stranger.
    throw malformed('its content has another form');
  } finally {
    padded.fill(0);
    plain?.fill(0);
  }
}

function isContent(content: unknown): content is { context: SealedContext; payload: string } {
  if (typeof content !== 'object' || content === null) return false;
  const { context, payload } = content as { context?: unknown; payload?: unknown };
  if (typeof payload !== 'string' || utf8Length(payload) > MAX_PAYLOAD_BYTES) return false;
  return contextFault(context) === undefined;
}

function checkContext(context: SealedContext, expected: SealedContext): void {
  for (const field of new Set([...Object.keys(expected), ...Object.keys(context)])) {
    const same = Object.hasOwn(context, field) && Object.hasOwn(expected, field);
    if (!same || context[field] !== expected[field]) {
      throw new CryptoError(
        'sealed_context_mismatch',
        `The sealed credential belongs somewhere else: its ${shown(field, expected)} differs.`,
        'Enter the credential again at the place it is for. If nobody moved it, treat it as an attempt to reuse it.',
        { field: shown(field, expected) },
      );
    }
  }
}

// A field only the stranger's box has is not echoed: its name is their text.
const shown = (field: string, expected: SealedContext) =>
  Object.hasOwn(expected, field) ? field : 'set of fields';

/** The name of the first unusable field, or undefined where the context is sound. */
function contextFault(context: unknown): string | undefined {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) return 'context';
  const fields = Object.entries(context);
  if (fields.length === 0 || fields.length > MAX_CONTEXT_FIELDS) return 'context';
  const isText = (text: unknown) =>
    typeof text === 'string' && text.length > 0 && text.length <= MAX_CONTEXT_CHARS;
  return fields.find(([name, value]) => !isText(name) || !isText(value))?.[0];
}

function utf8Length(text: string): number {
  const bytes = utf8(text);
  bytes.fill(0);
  return bytes.length;
}

function malformed(why: string): CryptoError {
  return new CryptoError(
    'sealed_box_malformed',
    `This is not a sealed credential of ours: ${why}.`,
    'Enter the credential again, in a current version of the page.',
  );
}
