import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type BootstrapConfig, newId } from '@claw-cloud/contracts';
import { type KeyPair, toBase64Url } from '@claw-cloud/crypto';
import { generateDeviceKeyPair, generatePairingSecret } from '@claw-cloud/crypto/owner-keys';
import { generateToken } from '@claw-cloud/crypto/tokens';
import { parse } from 'yaml';
import { isRunning } from '../src/live-process.ts';

export interface Birth {
  config: BootstrapConfig;
  deviceKeyPair: KeyPair;
  pairingSecret: Uint8Array;
}

/** What a deploy would have made for a machine. */
export function makeBirth(controlPlaneUrl: string, sha256: string, token?: string): Birth {
  const deviceKeyPair = generateDeviceKeyPair();
  const pairingSecret = generatePairingSecret().use((bytes) => bytes.slice());
  return {
    deviceKeyPair,
    pairingSecret,
    config: {
      v: 1,
      instanceId: newId('instance'),
      controlPlaneUrl,
      registrationToken: token ?? generateToken().use((text) => text),
      agent: { sha256, version: '0.1.0' },
      openclaw: { version: '2026.9.6' },
      owners: {
        devicePublicKey: toBase64Url(deviceKeyPair.publicKey),
        deviceName: 'test browser',
        recoveryPublicKey: toBase64Url(generateDeviceKeyPair().publicKey),
        pairingSecret: toBase64Url(pairingSecret),
      },
    },
  };
}

export interface Machine {
  root: string;
  /** Writes the files of the user-data, as cloud-init would, below the root. */
  writeFiles(userData: string): void;
  /** Runs bootstrap.sh or another script of the machine; resolves when it returns, with its code and what it printed. */
  boot(env?: Record<string, string>, script?: string): Promise<{ code: number | null; output: string }>;
  agentPid(): number | null;
  agentLog(): string;
  read(path: string): string;
  /** Ends the agent by its pid and waits until it has gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  remove(): Promise<void>;
}

/** A folder that stands for a machine's disk; for tests. */
export function createMachine(env: Record<string, string> = {}): Machine {
  const root = mkdtempSync(join(tmpdir(), 'claw-machine-'));
  const at = (path: string) => join(root, path);
  const agentPid = (): number | null => {
    try {
      const pid = Number.parseInt(readFileSync(at('run/claw/agent.pid'), 'utf8'), 10);
      return isRunning(pid) ? pid : null;
    } catch {
      return null;
    }
  };
  const machine: Machine = {
    root,
    writeFiles(userData) {
      const document = parse(userData) as {
        write_files: { path: string; permissions: string; content: string; encoding?: string }[];
      };
      for (const file of document.write_files) {
        mkdirSync(dirname(at(file.path)), { recursive: true });
        const content = file.encoding ? gunzipSync(Buffer.from(file.content, 'base64')) : file.content;
        writeFileSync(at(file.path), content, { mode: Number.parseInt(file.permissions, 8) });
      }
    },
    async boot(extra = {}, script = 'opt/claw/bootstrap.sh') {
      const child: ChildProcess = spawn('/bin/sh', [at(script)], {
        env: {
          PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
          HOME: root,
          CLAW_ROOT: root,
          CLAW_PROCESS_SANDBOX: '1',
          ...env,
          ...extra,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, output };
    },
    agentPid,
    agentLog: () => readFileSync(at('var/log/claw/agent.log'), 'utf8'),
    read: (path) => readFileSync(at(path), 'utf8'),
    async stop(signal = 'SIGTERM') {
      const pid = agentPid();
      if (pid === null) return;
      process.kill(pid, signal);
      for (let waited = 0; waited < 30_000 && isRunning(pid); waited += 100)
        await new Promise((resolve) => setTimeout(resolve, 100));
    },
    async remove() {
      await machine.stop();
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return machine;
}
