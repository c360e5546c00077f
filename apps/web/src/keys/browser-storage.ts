import type { KeyStorage } from '@claw-cloud/owner-client/api';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
}
interface Schema extends DBSchema {
  values: { key: string; value: Sealed };
  wrap: { key: 'key'; value: CryptoKey };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Keys in this browser's IndexedDB, each value encrypted by an AES-GCM key that the browser holds and never
 * gives out (not extractable): a copy of the profile's files read elsewhere, or an export, shows nothing.
 * It is no help against code that runs in this page; the content policy is.
 */
export function createBrowserStorage(name = 'claw-keys'): KeyStorage {
  let opened: Promise<{ db: IDBPDatabase<Schema>; key: CryptoKey }> | undefined;

  const open = () => {
    opened ??= (async () => {
      const db = await openDB<Schema>(name, 1, {
        upgrade(fresh) {
          fresh.createObjectStore('values');
          fresh.createObjectStore('wrap');
        },
      });
      // Made before the transaction: IndexedDB does not wait for anything but its own requests.
      const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
        'encrypt',
        'decrypt',
      ]);
      const step = db.transaction('wrap', 'readwrite');
      const known = await step.store.get('key');
      if (!known) await step.store.put(made, 'key');
      await step.done;
      return { db, key: known ?? made };
    })();
    // A failure (private windows of old, a full disk) is not for ever.
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };

  const seal = async (key: CryptoKey, at: string, value: string): Promise<Sealed> => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const data = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: encoder.encode(at) },
      key,
      encoder.encode(value),
    );
    return { iv, data };
  };
  const unseal = async (key: CryptoKey, at: string, { iv, data }: Sealed): Promise<string> =>
    decoder.decode(
      await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: encoder.encode(at) }, key, data),
    );

  return {
    async get(at) {
      const { db, key } = await open();
      const value = await db.get('values', at);
      return value && unseal(key, at, value);
    },
    async set(at, value) {
      const { db, key } = await open();
      // Encrypted before the transaction, which would not wait for it.
      const sealed = await seal(key, at, value);
      const step = db.transaction('values', 'readwrite', { durability: 'strict' });
      await step.store.put(sealed, at);
      await step.done;
    },
    async setIfAbsent(at, value) {
      const { db, key } = await open();
      const sealed = await seal(key, at, value);
      const step = db.transaction('values', 'readwrite', { durability: 'strict' });
      const known = await step.store.get(at);
      if (!known) await step.store.put(sealed, at);
      await step.done;
      return known ? unseal(key, at, known) : value;
    },
    async delete(at) {
      const { db } = await open();
      await db.delete('values', at);
    },
    async list(prefix) {
      const { db, key } = await open();
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const step = db.transaction('values');
      const [names, values] = await Promise.all([step.store.getAllKeys(range), step.store.getAll(range)]);
      await step.done;
      return Promise.all(
        values.map(async (value, index): Promise<[string, string]> => {
          const at = names[index] ?? '';
          return [at, await unseal(key, at, value)];
        }),
      );
    },
  };
}
