import { readFileSync } from 'node:fs';
import { fromBase64Url, type Secret, secret, toBase64Url } from '@claw-cloud/crypto';
import { createKeyRing, type KeyRing } from '@claw-cloud/crypto/kek';
import { type IntakeKeyPair, intakeKeyPairFromPrivateKey } from '@claw-cloud/crypto/sealed';
import { z } from 'zod';

/** Where keys come from: a file that only this user may read, or text from the environment. */
export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url');

/** `{"1": "<32 bytes as base64url>", "2": …}`: key-encryption keys by version. */
export const KekText = z.record(z.string().regex(/^[1-9][0-9]{0,8}$/), key);
export type KekText = z.infer<typeof KekText>;

/** `["<32 bytes as base64url>", …]`: private intake keys; the last one is published, all of them open. */
export const IntakeText = z.array(key).min(1).max(20);

export interface IntakeKeys {
  readonly byKid: Readonly<Record<string, IntakeKeyPair>>;
  readonly newest: { readonly kid: string; readonly publicKey: string };
}

function read<T>(source: KeySource, schema: z.ZodType<T>, what: string): T {
  const text = source.kind === 'file' ? readFileSync(source.path, 'utf8') : source.text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  // No value and no parser text in the error: they would be key material.
  if (!parsed.success)
    throw new Error(`The ${what} can't be read: it must be JSON as the README of the provisioner shows.`);
  return parsed.data;
}

/** The key-encryption keys by version, as text. */
export const readKekText = (source: KeySource): KekText => read(source, KekText, 'key-encryption keys');

/** Loads the ring; the caller wipes it. Raises an Error that names no value. */
export function loadKeyRing(source: KeySource): KeyRing {
  const masters: Record<number, Secret<Uint8Array>> = {};
  for (const [version, text] of Object.entries(readKekText(source)))
    masters[Number(version)] = secret(fromBase64Url(text));
  try {
    return createKeyRing({ versions: masters });
  } finally {
    for (const master of Object.values(masters)) master.wipe();
  }
}

/** Loads the intake keys; the caller wipes their private halves. */
export function loadIntakeKeys(source: KeySource): IntakeKeys {
  const pairs = read(source, IntakeText, 'intake keys').map((text) => {
    const bytes = fromBase64Url(text);
    try {
      return intakeKeyPairFromPrivateKey(bytes);
    } finally {
      bytes.fill(0);
    }
  });
  const last = pairs.at(-1);
  if (!last) throw new Error('There is no intake key.');
  return {
    byKid: Object.fromEntries(pairs.map((pair) => [pair.kid, pair])),
    newest: { kid: last.kid, publicKey: toBase64Url(last.publicKey) },
  };
}
