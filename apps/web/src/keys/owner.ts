import type { Keyring } from '@claw-cloud/owner-client/api';
import { createBrowserStorage } from './browser-storage.ts';

const storage = createBrowserStorage();

/** The part of the owner client with cryptography in it; libsodium (WebAssembly) comes with it, once. */
export const loadOwnerClient = () => import('@claw-cloud/owner-client');

/** This browser's keys of an owner. */
export async function openKeyring(ownerId: string): Promise<Keyring> {
  const { createKeyring } = await loadOwnerClient();
  // Persistent storage is not evicted when the disk runs low; refusing it is the browser's right.
  await navigator.storage?.persist?.().catch(() => false);
  return createKeyring(storage, { ownerId, deviceName: deviceName() });
}

/** What this browser calls itself to its server, e.g. "Firefox on Linux". */
export function deviceName(agent = navigator.userAgent): string {
  const browser =
    [
      ['Edg/', 'Edge'],
      ['Firefox/', 'Firefox'],
      ['Chrome/', 'Chrome'],
      ['Safari/', 'Safari'],
    ].find(([sign]) => agent.includes(sign ?? ''))?.[1] ?? 'Browser';
  const system =
    [
      ['iPhone', 'iPhone'],
      ['iPad', 'iPad'],
      ['Android', 'Android'],
      ['Mac OS X', 'macOS'],
      ['Windows', 'Windows'],
      ['CrOS', 'ChromeOS'],
      ['Linux', 'Linux'],
    ].find(([sign]) => agent.includes(sign ?? ''))?.[1] ?? 'this device';
  return `${browser} on ${system}`;
}
