import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectGateway } from '../openclaw/gateway-client.ts';
import type { RootContext } from '../root/verb.ts';
import { type UpdateFolders, updateFolders } from './records.ts';

/** What a change of OpenClaw's version or state works with: root's context, and what tests put in place of time and network. */
export interface UpdateTools extends RootContext {
  folders: UpdateFolders;
  /** Where the gateway listens, and where a new version is tried out beside it. */
  port: number;
  tryOutPort: number;
  /** An authenticated round trip: the version that answered. Raises while there is none. */
  probe(port: number): Promise<string>;
  /** Installs a version beside those that are there; whole and of this integrity, or not at all. */
  install(version: string, integrity: string | null): Promise<void>;
  /** Of the machine, for a second OpenClaw beside the first. */
  availableMemoryMb(): number;
  pause(ms: number): Promise<void>;
  /** Milliseconds that no clock change moves. */
  elapsed(): number;
  newId(): string;
}

const gatewayPort = 18_789;
const tryOutPort = 18_790;
const roundTripMs = 10_000;

/** Signs in with the gateway's token and asks how it is. */
export function createProbe(folders: UpdateFolders): UpdateTools['probe'] {
  return async (port) => {
    const token = readFileSync(folders.gatewayToken, 'utf8').trim();
    const connection = await connectGateway({
      port,
      token,
      device: null,
      scopes: ['operator.read'],
      caps: [],
    });
    try {
      await connection.request('health', {}, roundTripMs);
      return connection.hello.server.version;
    } finally {
      connection.close();
    }
  };
}

/** Free memory, and half of the free swap: what the running gateway doesn't touch may lie there for a minute. */
function availableMemoryMb(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return Math.round((kilobytes('MemAvailable') + kilobytes('SwapFree') / 2) / 1024);
}

/** The tools of a real server. */
export function createTools(
  context: RootContext,
  install: UpdateTools['install'],
  newId: () => string,
): UpdateTools {
  const folders = updateFolders(context.paths);
  return {
    ...context,
    folders,
    port: gatewayPort,
    tryOutPort,
    probe: createProbe(folders),
    install,
    availableMemoryMb,
    pause: (ms) => sleep(ms, undefined, { signal: context.signal }),
    elapsed: () => performance.now(),
    newId,
  };
}

/** OpenClaw's user: what belongs to it is worked on as that user, never as root. */
export const openclawUser = 'openclaw';

/** Who OpenClaw's folder belongs to. */
export function ownerOf(folder: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}
