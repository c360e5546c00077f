import type { Keyring } from '@claw-cloud/owner-client/api';
import { loadOwnerClient } from '../keys/owner.ts';

/** An archive is held in memory while it is digested; more than this no browser should be asked for. */
export const restoreLimitBytes = 1024 ** 3;

interface Keys {
  readonly keyring: Keyring;
  readonly instanceId: string;
}

/** The plain pieces of an encrypted backup, opened with this browser's key of the server. Keep them only once all have come. */
export async function* openBackup(
  pieces: AsyncIterable<Uint8Array>,
  { keyring, instanceId }: Keys,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const [{ decryptBackup }, device] = await Promise.all([loadOwnerClient(), keyring.deviceOf(instanceId)]);
  // A copy with a buffer of its own, as those who write it want it.
  for await (const plain of decryptBackup(pieces, device ? [device.keyPair] : []))
    yield Uint8Array.from(plain);
}

/** The pieces of a file. Not every browser can walk through a stream by itself. */
async function* piecesOf(file: Blob): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

/** A chosen file as the archive it holds: one that is still encrypted is opened with this browser's key. */
export async function archiveOf(file: Blob, keys: Keys) {
  const start = new Uint8Array(await file.slice(0, 7).arrayBuffer());
  let plain = file;
  if (new TextDecoder().decode(start) === 'CLAWBAK') {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of openBackup(piecesOf(file), keys)) parts.push(part);
    plain = new Blob(parts);
  }
  return {
    size: plain.size,
    arrayBuffer: () => plain.arrayBuffer(),
    stream: () => piecesOf(plain),
  };
}

/** Where a download goes: straight to a file where the browser can, else through memory. */
export interface Sink {
  write(plain: Uint8Array<ArrayBuffer>): Promise<void> | void;
  finish(): Promise<void>;
  abandon(): Promise<void>;
}

interface FilePicker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<{
    createWritable(): Promise<{
      write(data: Uint8Array<ArrayBuffer>): Promise<void>;
      close(): Promise<void>;
      abort(): Promise<void>;
    }>;
  }>;
}

/** Asks where to save, or prepares a download. Null where the person thought better of it. */
export async function openSink(name: string): Promise<Sink | null> {
  if ('showSaveFilePicker' in window) {
    try {
      const handle = await (window as unknown as FilePicker).showSaveFilePicker({ suggestedName: name });
      const file = await handle.createWritable();
      return {
        write: (plain) => file.write(plain),
        finish: () => file.close(),
        abandon: () => file.abort().catch(() => undefined),
      };
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null;
      // Forbidden by the browser's settings: through memory then.
    }
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (plain) => void parts.push(plain),
    async finish() {
      const url = URL.createObjectURL(new Blob(parts));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    async abandon() {
      parts.length = 0;
    },
  };
}
