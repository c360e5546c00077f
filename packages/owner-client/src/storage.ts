/**
 * Where a device keeps its keys: small texts by name. Implementations must be durable when `set` resolves,
 * and `setIfAbsent` must be atomic over everything that shares the storage (other tabs).
 */
export interface KeyStorage {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  /** Stores `value` unless there is one; returns what is stored afterwards. */
  setIfAbsent(name: string, value: string): Promise<string>;
  delete(name: string): Promise<void>;
  /** Names and values whose name begins with `prefix`. */
  list(prefix: string): Promise<[name: string, value: string][]>;
}

/** Keeps everything in memory: for tests, and for a session that is to leave nothing behind. */
export function createMemoryStorage(initial: Iterable<readonly [string, string]> = []): KeyStorage {
  const values = new Map(initial);
  return {
    get: async (name) => values.get(name),
    set: async (name, value) => {
      values.set(name, value);
    },
    setIfAbsent: async (name, value) => {
      if (!values.has(name)) values.set(name, value);
      return values.get(name) ?? value;
    },
    delete: async (name) => {
      values.delete(name);
    },
    list: async (prefix) => [...values].filter(([name]) => name.startsWith(prefix)),
  };
}
