import type { InstanceHealth, OwnerFrame, ownerResults } from '@claw-cloud/contracts';
import { generateKeyPair, toBase64Url } from '@claw-cloud/crypto';
import type { z } from 'zod';

type Answer<N extends keyof typeof ownerResults> = z.output<(typeof ownerResults)[N]>;
export type Updates = Answer<'updates.get'>;
export type Backup = Answer<'backup.create'>;
export type Device = Answer<'devices.list'>['devices'][number];
export type Grant = Answer<'support.list'>['grants'][number];
export type AuditEntry = Answer<'audit.list'>['entries'][number];
export type Notice = Extract<OwnerFrame, { type: 'notice' }>['notice'];

const minute = 60_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const integrity = `sha512-${'A'.repeat(86)}==`;
/** The digest this installation publishes for the agent, in the pretended statement. */
export const publishedAgent = 'a'.repeat(64);

/** A recording as the instance keeps one: asciicast v2, a line each. */
export const recording = [
  JSON.stringify({ version: 2, width: 80, height: 24, timestamp: 1_764_000_000 }),
  JSON.stringify([0.1, 'o', 'claw-support@machine:~$ ']),
  JSON.stringify([1.2, 'o', 'journalctl -u openclaw-gateway\r\n']),
  JSON.stringify([1.9, 'o', '\u001b[1;31mout of memory\u001b[0m <b>not html</b>\r\n']),
  JSON.stringify([2.4, 'o', 'claw-support@machine:~$ exit\r\n']),
  '',
].join('\n');

export const changelog = [
  '## Fixed',
  '- A gateway that stopped answering after a **long** night',
  '- [The whole list](https://example.org/changes)',
  '',
  '<img src=x onerror="document.title=\'owned\'">',
].join('\n');

/** What a server knows of itself, as a script can set it: half a year old, one update behind, nobody let in. */
export function createState(devicePublicKey: string, recoveryPublicKey: string) {
  return {
    health: {
      agentVersion: '0.4.0',
      openclawVersion: '2026.9.5',
      gateway: 'ready',
      uptimeSeconds: 86_400 * 3,
      agentSha256: publishedAgent,
      machine: {
        uptimeSeconds: 86_400 * 41,
        bootId: 'b0071d00-0000-4000-8000-000000000000',
        memoryTotalMb: 3816,
        memoryAvailableMb: 1704,
        diskTotalMb: 38_912,
        diskFreeMb: 25_102,
        load1: 0.42,
        rebootRequired: false,
        kind: 'server',
      },
      gatewayCheck: {
        lastOkSecondsAgo: 4,
        missesInARow: 0,
        restarts: 1,
        lastRestartReason: 'memory',
        memoryMb: 612,
      },
    } as InstanceHealth,
    models: [
      { provider: 'anthropic', model: 'claude-sonnet-4-5', isDefault: true },
      { provider: 'openai', model: 'gpt-5.1', isDefault: false },
    ] as { provider: string; model: string | null; isDefault: boolean }[],
    /** What a test of each provider's key says. */
    checks: {
      anthropic: { status: 'ok', latencyMs: 412 },
      openai: { status: 'failed', reason: 'The key was refused (401).' },
    } as Record<string, Answer<'model.test'>>,
    updates: {
      current: '2026.9.5',
      previous: null,
      latest: { version: '2026.9.6', integrity, releasedAt: ago(3 * 86_400_000), changelog },
      pinned: null,
      snoozedUntil: null,
      running: null,
      last: null,
      agent: {
        version: '0.4.0',
        sha256: publishedAgent,
        latest: { version: '0.5.0', sha256: 'b'.repeat(64) },
      },
    } as Updates,
    backups: [] as Backup[],
    devices: [
      {
        publicKey: devicePublicKey,
        kind: 'device',
        name: 'Chrome on Linux',
        addedAt: ago(41 * 86_400_000),
        lastSeenAt: ago(10_000),
        current: false,
      },
      {
        publicKey: toBase64Url(generateKeyPair().publicKey),
        kind: 'device',
        name: 'Safari on iPhone',
        addedAt: ago(9 * 86_400_000),
        lastSeenAt: ago(2 * 86_400_000),
        current: false,
      },
      {
        publicKey: recoveryPublicKey,
        kind: 'recovery',
        name: 'Recovery code',
        addedAt: ago(41 * 86_400_000),
        lastSeenAt: null,
        current: false,
      },
    ] as Device[],
    invites: new Map<string, { secret: string; expiresAt: string }>(),
    grants: [
      {
        id: `grt_${'0'.repeat(24)}`,
        name: 'Grace from support',
        keyFingerprint: 'SHA256:Jb4c6pQm0o1xDnM9m3b7Yw1hXl8sT5u2Vn0r3k4q5s8',
        root: false,
        startsAt: ago(3 * 86_400_000),
        endsAt: ago(3 * 86_400_000 - 60 * minute),
        endedAt: ago(3 * 86_400_000 - 60 * minute),
        endedWhy: 'expired',
        sessions: [
          {
            session: 's1',
            startedAt: ago(3 * 86_400_000 - 5 * minute),
            endedAt: ago(3 * 86_400_000 - 9 * minute),
            bytes: Buffer.byteLength(recording),
          },
        ],
      },
    ] as Grant[],
    audit: [] as AuditEntry[],
    logs: {
      gateway: ['2026-11-25T10:00:00Z gateway listening on 127.0.0.1:18789', '2026-11-25T10:00:04Z ready'],
      agent: ['2026-11-25T10:00:05Z tunnel open'],
      bootstrap: ['2026-10-15T08:00:00Z phase=hardening finished in 6.5 s'],
      security: [],
    } as Record<string, string[]>,
    config: {
      gateway: { mode: 'local', port: 18789, auth: { mode: 'token', token: '[redacted]' } },
      tools: { exec: { mode: 'ask' } },
    } as Record<string, unknown>,
    configHash: 'hash-1',
    restoredText: '',
    restored: null as { bytes: number; sha256: string; received: number } | null,
    ejected: false,
  };
}
export type MachineState = ReturnType<typeof createState>;
