import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { newId } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { openEnvelope, sealEnvelope } from '@claw-cloud/crypto/kek';
import { startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadKeyRing } from '../keys/key-source.ts';
import { addKekVersion, dropKekVersions } from './kek-file.ts';
import { rotateKeys } from './rotate.ts';

const cli = fileURLToPath(new URL('../cli/rotate-keys.ts', import.meta.url));
const ownerId = 'owner-1';
const secretOf = (id: string) => `canary-of-${id}`;
const random = () => toBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(32)));

let database: TestDatabase;
let dir: string;
let file: { kind: 'file'; path: string };
const ids: string[] = [];

const envelopes = async () => {
  const all = [];
  for (let after: string | null = null; ; ) {
    const page = await database.db.provisioner.listEnvelopes(after, 100);
    all.push(...page);
    after = page.at(-1)?.id ?? null;
    if (page.length < 100) return all;
  }
};
const versions = (): string[] => Object.keys(JSON.parse(readFileSync(file.path, 'utf8')));

beforeAll(async () => {
  await ready();
  dir = mkdtempSync(join(tmpdir(), 'claw-rotate-test-'));
  file = { kind: 'file', path: join(dir, 'kek.json') };
  writeFileSync(file.path, JSON.stringify({ '1': random() }), { mode: 0o600 });
  database = await startTestDatabase();
  const owner = database.db.owner(ownerId);
  await owner.ensureOwner(null);
  const ring = loadKeyRing(file);
  for (let index = 0; index < 130; index += 1) {
    const id = newId('credential');
    ids.push(id);
    await owner.addCredential({
      id,
      provider: 'hetzner',
      name: `No ${index}`,
      sealed: { kid: 'k', box: 'AAAA' },
    });
    await database.db.provisioner.finishVerification(id, {
      state: 'ready',
      account: { label: 'x' },
      missing: [],
      failure: null,
      envelope: sealEnvelope(
        ring,
        { owner: ownerId, record: id, field: 'credential' },
        Buffer.from(secretOf(id)),
      ),
      catalogue: {
        provider: 'hetzner',
        currency: 'EUR',
        regions: [],
        sizes: [],
        image: 'debian-13',
        fetchedAt: new Date().toISOString(),
      },
    });
  }
});
afterAll(async () => {
  await database?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function run(...args: string[]) {
  return promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', cli, ...args], {
    timeout: 30_000,
    env: {
      SUPABASE_URL: database.url,
      SUPABASE_SECRET_KEY: database.secretKey,
      SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
      SUPABASE_JWT_SECRET: database.jwtSecret,
      KEK_FILE: file.path,
    },
  });
}

describe('the key file', () => {
  test('never loses its newest key, even when no row needs it', () => {
    const other = { kind: 'file', path: join(dir, 'other.json') } as const;
    writeFileSync(other.path, JSON.stringify({ '1': random(), '2': random() }));
    expect(addKekVersion(other)).toBe(3);
    expect(dropKekVersions(other, ['2'])).toEqual(['1']);
    expect(dropKekVersions(other, [])).toEqual(['2']);
    expect(Object.keys(JSON.parse(readFileSync(other.path, 'utf8')))).toEqual(['3']);
  });
});

describe('rotating the key-encryption key', () => {
  test('wraps every data key anew and touches no ciphertext', { timeout: 60_000 }, async () => {
    const before = new Map((await envelopes()).map(({ id, envelope }) => [id, envelope]));
    expect(before.size).toBe(130);
    const { stdout } = await run();
    expect(stdout).toContain('130 of 130 data keys wrapped anew; version 2: 130');
    for (const { id, envelope } of await envelopes()) {
      expect(envelope.kek).toBe(2);
      expect(envelope.ciphertext).toBe(before.get(id)?.ciphertext);
      expect(envelope.wrappedKey).not.toBe(before.get(id)?.wrappedKey);
    }
    expect(versions()).toEqual(['1', '2']);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(stdout).not.toContain(JSON.parse(readFileSync(file.path, 'utf8'))['2']);
  });

  test('leaves every secret readable with the new key alone', async () => {
    const keys = JSON.parse(readFileSync(file.path, 'utf8'));
    const onlyNew = loadKeyRing({ kind: 'text', text: JSON.stringify({ '2': keys['2'] }) });
    const onlyOld = loadKeyRing({ kind: 'text', text: JSON.stringify({ '1': keys['1'] }) });
    for (const { id, envelope } of await envelopes()) {
      const context = { owner: ownerId, record: id, field: 'credential' };
      openEnvelope(onlyNew, context, envelope).use((bytes) =>
        expect(Buffer.from(bytes).toString()).toBe(secretOf(id)),
      );
      expect(() => openEnvelope(onlyOld, context, envelope)).toThrow(
        expect.objectContaining({ code: 'kek_unknown' }),
      );
    }
  });

  test('can be resumed, finds nothing to do, and drops what no row needs', { timeout: 60_000 }, async () => {
    const { stdout } = await run('--resume', '--drop-unused');
    expect(stdout).toContain('0 of 130 data keys wrapped anew');
    expect(stdout).toContain('removed version 1');
    expect(versions()).toEqual(['2']);
  });

  test('a row that somebody else rotated meanwhile is left to them', async () => {
    const keys = JSON.parse(readFileSync(file.path, 'utf8'));
    const ring = loadKeyRing({ kind: 'text', text: JSON.stringify({ ...keys, '3': random() }) });
    const db = database.db.provisioner;
    let lost = true;
    const count = await rotateKeys(
      {
        listEnvelopes: db.listEnvelopes,
        replaceEnvelope: async (id, old, envelope) => {
          if (!lost) return db.replaceEnvelope(id, old, envelope);
          lost = false;
          return false;
        },
      },
      ring,
    );
    expect(count).toEqual({ total: 130, rewrapped: 130, byVersion: { '3': 130 } });
  });
});
