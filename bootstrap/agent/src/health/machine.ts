import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { loadavg, totalmem, uptime } from 'node:os';
import type { InstanceHealth } from '@claw-cloud/contracts';

const toMb = (bytes: number): number => Math.round(bytes / 2 ** 20);

const readOr = (path: string, otherwise: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
};

/** What the machine itself shows of its resources; cheap enough for every heartbeat. */
export function readMachine(
  kind: 'server' | 'process',
  folder: string,
): NonNullable<InstanceHealth['machine']> {
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(readOr('/proc/meminfo', ''))?.[1] ?? 0);
  const disk = statfsSync(existsSync(folder) ? folder : '/');
  return {
    uptimeSeconds: Math.round(uptime()),
    bootId: readOr('/proc/sys/kernel/random/boot_id', '').trim(),
    memoryTotalMb: toMb(totalmem()),
    memoryAvailableMb: Math.round(available / 1024),
    diskTotalMb: toMb(disk.blocks * disk.bsize),
    diskFreeMb: toMb(disk.bavail * disk.bsize),
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    rebootRequired: existsSync('/run/reboot-required'),
    kind,
  };
}
