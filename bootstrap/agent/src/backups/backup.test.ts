import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transferPieceBytes } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { createBackupDecryptor } from '@claw-cloud/crypto/backup';
import { generateDeviceKeyPair } from '@claw-cloud/crypto/owner-keys';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOpenClawServer, type OpenClawServer } from '../../testing/openclaw-server.ts';
import { readRecord, updateFolders } from '../updates/records.ts';
import { recover } from '../updates/recover.ts';
import { rollBackOpenClaw } from '../updates/update.ts';
import { createBackup } from './create.ts';
import { applyRestore, beginRestore, takePiece } from './restore.ts';
import { type Backup, deleteBackup, keepBackup, listBackups, readBackup } from './store.ts';

const version = '2026.9.6';
let server: OpenClawServer;
beforeAll(ready);
beforeEach(() => {
  server = createOpenClawServer({ [version]: { schema: 18 } }, version);
  server.chat('hello;');
});
afterEach(() => server.remove());

const device = () => generateDeviceKeyPair();
const key = ({ publicKey }: ReturnType<typeof device>) => toBase64Url(publicKey);

/** The whole encrypted file, as an owner fetches it. */
function download({ id, bytes }: Backup): Uint8Array {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < bytes; ) {
    const { data } = readBackup(server.paths, { id, offset });
    pieces.push(Buffer.from(data, 'base64'));
    offset += pieces.at(-1)?.length ?? 0;
  }
  return Buffer.concat(pieces);
}

function decrypt(file: Uint8Array, owner: ReturnType<typeof device>): Buffer {
  const decryptor = createBackupDecryptor([owner]);
  return Buffer.concat([decryptor.push(file), decryptor.finish()]);
}

async function upload(plain: Uint8Array, step = transferPieceBytes): Promise<void> {
  const tools = server.tools();
  const sha256 = createHash('sha256').update(plain).digest('hex');
  await beginRestore(tools, { bytes: plain.length, sha256 });
  for (let offset = 0; offset < plain.length; offset += step)
    takePiece(tools, offset, Buffer.from(plain.subarray(offset, offset + step)).toString('base64'));
}

/** Everything below the server's root that holds these words. */
function holding(words: string): string[] {
  const root = join(server.paths.rootState, '../../..');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(words));
}

describe('a backup', () => {
  it('is whole, opens with the owner’s key alone, and leaves nothing plain behind', async () => {
    const [owner, recovery] = [device(), device()];
    const backup = await createBackup(server.tools(), [key(owner), key(recovery)]);
    expect(listBackups(server.paths)).toEqual([backup]);
    const file = download(backup);
    expect(file.length).toBe(backup.bytes);
    expect(createHash('sha256').update(file).digest('hex')).toBe(backup.sha256);
    for (const each of [owner, recovery])
      expect(JSON.parse(decrypt(file, each).toString())).toMatchObject({ chats: 'hello;' });
    expect(() => decrypt(file, device())).toThrow('not encrypted to a key of this device');
    expect(holding('hello;')).toEqual([join(updateFolders(server.paths).live, 'state/chats')]);
    expect(server.kept()).toEqual([]);
  });

  it('that fails leaves nothing behind either', async () => {
    server.failing.add('claw-openclaw-backup');
    await expect(createBackup(server.tools(), [key(device())])).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(server.kept()).toEqual([]);
    expect(listBackups(server.paths)).toEqual([]);
  });

  it('that lost its power leaves nothing behind once the agent runs again', async () => {
    for (let cutAt = 2; cutAt < 7; cutAt += 1) {
      await createBackup(server.tools({ cutAt }), [key(device())]).catch(() => undefined);
      server.powerCut();
      await recover(server.tools());
      expect(server.kept()).toEqual([]);
      expect(holding('hello;')).toEqual([join(updateFolders(server.paths).live, 'state/chats')]);
    }
  });

  it('is read by nobody through a link that OpenClaw laid', async () => {
    const tools = server.tools();
    const { must } = tools;
    const secret = join(server.paths.rootState, 'secret');
    writeFileSync(secret, 'root only');
    const run: typeof tools.run = async (argv, options) => {
      const ended = await tools.run(argv, options);
      const archive = argv.find((arg) => arg.endsWith('.tar.gz'));
      if (archive) {
        rmSync(archive);
        await must(['ln', '-s', secret, archive]);
      }
      return ended;
    };
    await expect(createBackup({ ...tools, run }, [key(device())])).rejects.toThrow('ELOOP');
    expect(listBackups(server.paths)).toEqual([]);
  });

  it('gives way to newer ones, and goes when told', async () => {
    const made = await createBackup(server.tools(), [key(device())]);
    for (let day = 10; day < 22; day += 1) {
      const id = `bak_${String(day).padStart(24, '0')}`;
      keepBackup(server.paths, { ...made, id, at: `2027-01-${day}T00:00:00.000Z` });
    }
    const left = listBackups(server.paths);
    expect(left).toHaveLength(10);
    expect(left.map(({ id }) => id)).not.toContain(made.id);
    deleteBackup(server.paths, left[0]?.id ?? '');
    expect(listBackups(server.paths)).toHaveLength(9);
    expect(() => deleteBackup(server.paths, left[0]?.id ?? '')).toThrow('no such backup');
    expect(() => readBackup(server.paths, { id: left[0]?.id ?? '', offset: 0 })).toThrow('no such backup');
    expect(() => readBackup(server.paths, { id: '../secret', offset: 0 })).toThrow();
  });

  it('that is too large for all makes place, and the newest stays whatever its size', async () => {
    const made = await createBackup(server.tools(), [key(device())]);
    const huge = {
      ...made,
      id: `bak_${'0'.repeat(24)}`,
      at: '2027-01-01T00:00:00.000Z',
      bytes: 9 * 1024 ** 3,
    };
    keepBackup(server.paths, huge);
    expect(listBackups(server.paths)).toEqual([huge]);
  });
});

describe('a restore', () => {
  const archive = async (): Promise<Buffer> => {
    const owner = device();
    return decrypt(download(await createBackup(server.tools(), [key(owner)])), owner);
  };

  it('brings the chats of the backup back, and the present ones with one click', async () => {
    const plain = await archive();
    server.chat('later;');
    await upload(plain, 7);
    expect(await applyRestore(server.tools())).toMatchObject({ kind: 'restore', outcome: 'succeeded' });
    expect(server.chats()).toBe('hello;');
    expect(server.serving()).toBe(version);
    expect(server.kept()).toEqual([readRecord(updateFolders(server.paths)).kept?.folder]);
    await rollBackOpenClaw(server.tools());
    expect(server.chats()).toBe('hello;later;');
  });

  it('takes a piece that was sent twice once, and none out of order or too many', async () => {
    const tools = server.tools();
    await beginRestore(tools, { bytes: 6, sha256: '0'.repeat(64) });
    const piece = (text: string) => Buffer.from(text).toString('base64');
    expect(takePiece(tools, 0, piece('abc'))).toBe(3);
    expect(takePiece(tools, 0, piece('abc'))).toBe(3);
    expect(() => takePiece(tools, 4, piece('e'))).toThrow('does not have the pieces before');
    expect(() => takePiece(tools, 3, piece('defg'))).toThrow('More was sent');
    expect(takePiece(tools, 3, piece('def'))).toBe(6);
    await expect(applyRestore(tools)).rejects.toMatchObject({ code: 'backup_damaged' });
    // Beginning again forgets what was there.
    await beginRestore(tools, { bytes: 6, sha256: '0'.repeat(64) });
    expect(takePiece(tools, 0, piece('a'))).toBe(1);
    expect(server.kept()).toHaveLength(1);
  });

  it('stops nothing for a backup that OpenClaw does not start with', async () => {
    const plain = Buffer.from((await archive()).toString().replace('"18"', '"19"'));
    await upload(plain);
    await expect(applyRestore(server.tools())).rejects.toMatchObject({ code: 'backup_damaged' });
    expect(server.commands.join()).not.toContain('stop --no-block');
    expect(server.serving()).toBe(version);
    expect(server.chats()).toBe('hello;');
    expect(server.kept()).toEqual([]);
  });

  it('at any point of which the power is lost ends with the present state or the restored', async () => {
    const plain = await archive();
    server.chat('later;');
    for (let cutAt = 0; cutAt < 200 && server.chats() !== 'hello;'; cutAt += 1) {
      const before = server.chats();
      server.chat('later;');
      await upload(plain);
      await applyRestore(server.tools({ cutAt })).catch(() => undefined);
      server.powerCut();
      await recover(server.tools());
      expect(server.serving(), `cut before call ${cutAt}`).toBe(version);
      expect([`${before}later;`, 'hello;']).toContain(server.chats());
      const { kept } = readRecord(updateFolders(server.paths));
      expect(server.kept(), `cut before call ${cutAt}`).toEqual(kept ? [kept.folder] : []);
      expect(existsSync(updateFolders(server.paths).journal)).toBe(false);
    }
    expect(server.chats()).toBe('hello;');
  }, 240_000);
});
