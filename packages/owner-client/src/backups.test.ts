import { createHash } from 'node:crypto';
import { transferPieceBytes } from '@claw-cloud/contracts';
import { generateKeyPair, type KeyPair, ready } from '@claw-cloud/crypto';
import { createBackupEncryptor } from '@claw-cloud/crypto/backup';
import { beforeAll, expect, it } from 'vitest';
import { type BackupEntry, decryptBackup, downloadBackup, restoreBackup } from './backups.ts';
import type { OwnerConnection } from './channel/owner-channel.ts';

beforeAll(ready);
const plain = Uint8Array.from({ length: 900_000 }, (_, at) => (at * 7) % 253);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function encrypted(owner: KeyPair): { file: Buffer; entry: BackupEntry } {
  const about = { id: 'bak_000000000000000000000001', at: '2026-11-25T18:00:00.000Z', openclawVersion: '1' };
  const encryptor = createBackupEncryptor({ ...about, recipients: [owner.publicKey] });
  const file = Buffer.concat([encryptor.push(plain), encryptor.finish()]);
  return {
    file,
    entry: { ...about, bytes: file.length, sha256: sha256(file), why: 'owner', recipients: [] },
  };
}

/** A server that has one backup, and takes one back. */
function serve(file: Buffer) {
  const sent: Buffer[] = [];
  const commands: [string, Record<string, unknown>][] = [];
  const command = async (name: string, params: Record<string, unknown>) => {
    commands.push([name, params]);
    if (name === 'restore.piece') {
      expect(params['offset']).toBe(Buffer.concat(sent).length);
      sent.push(Buffer.from(String(params['data']), 'base64'));
    }
    const offset = Number(params['offset']);
    if (name === 'backup.read')
      return { data: file.subarray(offset, offset + transferPieceBytes).toString('base64') };
    return {};
  };
  return { commands, sent, server: { command } as unknown as Pick<OwnerConnection, 'command'> };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

it('fetches and decrypts a backup piece by piece', async () => {
  const owner = generateKeyPair();
  const { file, entry } = encrypted(owner);
  const fractions: number[] = [];
  const pieces = downloadBackup(serve(file).server, entry, (fraction) => fractions.push(fraction));
  expect(await collect(decryptBackup(pieces, [owner]))).toEqual(Buffer.from(plain));
  expect(fractions.at(-1)).toBe(1);
  expect(fractions.length).toBe(3);
});

it('notices an altered file, and one that ends early', async () => {
  const owner = generateKeyPair();
  const { file, entry } = encrypted(owner);
  const altered = Buffer.from(file);
  altered[500_000] = (altered[500_000] ?? 0) ^ 1;
  const fetched = (bytes: Buffer) =>
    collect(decryptBackup(downloadBackup(serve(bytes).server, entry), [owner]));
  await expect(fetched(altered)).rejects.toMatchObject({ code: 'backup_tampered' });
  await expect(fetched(file.subarray(0, 200_000))).rejects.toMatchObject({ code: 'backup_tampered' });
  await expect(fetched(file.subarray(0, 300))).rejects.toMatchObject({ code: 'backup_truncated' });
});

it('sends an archive back in order, with its digest first', async () => {
  const { server, commands, sent } = serve(Buffer.alloc(0));
  await restoreBackup(server, new Blob([plain]));
  expect(commands[0]).toEqual(['restore.begin', { bytes: plain.length, sha256: sha256(plain) }]);
  expect(commands.at(-1)?.[0]).toBe('restore.apply');
  expect(Buffer.concat(sent)).toEqual(Buffer.from(plain));
});
