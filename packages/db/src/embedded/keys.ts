import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Keys {
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly jwtSecret: string;
  /** Of Postgres roles: the superuser, and one for each database beside the product's. */
  readonly passwords: {
    readonly postgres: string;
    readonly pulumi: string;
    readonly queue: string;
    readonly auth: string;
  };
}

/** The keys of this embedded database: made once, readable by the account alone, never printed. */
export async function keysIn(dir: string): Promise<Keys> {
  const file = join(dir, 'keys.json');
  const stored = await readFile(file, 'utf8').catch(() => undefined);
  if (stored) return JSON.parse(stored) as Keys;
  const random = (bytes: number): string => randomBytes(bytes).toString('base64url');
  const keys: Keys = {
    publishableKey: `sb_publishable_${random(24)}`,
    secretKey: `sb_secret_${random(24)}`,
    jwtSecret: random(48),
    passwords: { postgres: random(24), pulumi: random(24), queue: random(24), auth: random(24) },
  };
  // Complete or absent: half a file would lock us out of the data.
  await writeFile(`${file}.new`, JSON.stringify(keys), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return keys;
}
