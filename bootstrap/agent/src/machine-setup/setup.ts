import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureOpenClaw } from '../../install/index.ts';
import { readBootstrapJson, readBornWith } from '../bootstrap/bootstrap-json.ts';
import { createControlPlane } from '../bootstrap/control-plane.ts';
import { createPhaseRunner, type PhaseRunner } from '../bootstrap/phases.ts';
import type { AgentEnvironment } from '../env.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import type { CommandResult, RunOptions } from '../root/verb.ts';
import { useVersion } from '../root/verbs/openclaw.ts';
import { type Facts, swapMb } from './facts.ts';
import { placeFile } from './machine-file.ts';
import { hardenLoginDefs, rootOnly, settingsFiles } from './settings.ts';
import { unitFiles } from './units.ts';

export interface SetupOptions {
  env: AgentEnvironment;
  paths: Paths;
  facts: Facts;
  log: Log;
  signal: AbortSignal;
  /** Runs a program as root. Raises only where it can't be started. */
  run: (argv: readonly string[], options?: RunOptions) => Promise<CommandResult>;
}

/** Made by root once; systemd hands it to the agent's and the gateway's unit. */
function makeGatewayToken(root: string): void {
  const path = '/etc/claw/gateway.token';
  if (existsSync(join(root || '/', path))) return;
  placeFile(root, { path, content: `${randomBytes(32).toString('base64url')}\n`, mode: 0o600 });
}

/** Settings take effect now, not only at the next boot. What a container may not, it says, and that is all. */
async function applySettings({ env, facts, run, log }: SetupOptions): Promise<void> {
  const must = async (...argv: string[]): Promise<void> => {
    const { code, stderr } = await run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr.trim().slice(-600)}`);
  };
  const may = async (...argv: string[]): Promise<void> => {
    const { code, stderr } = await run(argv);
    if (code !== 0) log(`${argv.slice(0, 2).join(' ')}: ${stderr.trim().slice(-200)}`);
  };
  await must('systemd-sysusers', '/etc/sysusers.d/claw.conf');
  await must('systemd-tmpfiles', '--create', '/etc/tmpfiles.d/claw.conf');
  await must('systemctl', 'daemon-reload');
  const swap = swapMb(facts);
  if (swap > 0) {
    if (!existsSync(join(env.root || '/', 'swapfile'))) await makeSwap(swap, must);
    await must('systemctl', 'enable', '--quiet', 'swapfile.swap');
    await may('systemctl', 'start', 'swapfile.swap');
  }
  await may('sysctl', '--quiet', '--load', '/etc/sysctl.d/60-claw.conf');
  await must('systemctl', 'enable', '--quiet', 'claw-mounts.service', 'tmp.mount');
  await may('systemctl', 'start', 'tmp.mount', 'claw-mounts.service');
  await may('systemctl', 'try-restart', 'systemd-journald.service', 'systemd-resolved.service');
  await may('systemctl', 'enable', '--quiet', '--now', 'systemd-timesyncd.service');
}

async function makeSwap(sizeMb: number, must: (...argv: string[]) => Promise<void>): Promise<void> {
  const part = '/swapfile.part';
  await must('dd', 'if=/dev/zero', `of=${part}`, 'bs=1M', `count=${sizeMb}`, 'status=none');
  await must('chmod', '600', part);
  await must('mkswap', part);
  await must('mv', part, '/swapfile');
}

/** Places every file and applies it; again and again with the same end. */
export async function harden(options: SetupOptions): Promise<void> {
  const { env, facts } = options;
  for (const file of [...settingsFiles(), ...unitFiles(facts)]) placeFile(env.root, file);
  const loginDefs = '/etc/login.defs';
  const text = join(env.root || '/', loginDefs);
  if (existsSync(text))
    placeFile(env.root, { path: loginDefs, content: hardenLoginDefs(readFileSync(text, 'utf8')) });
  for (const [path, mode] of rootOnly) {
    const target = join(env.root || '/', path);
    if (existsSync(target)) chmodSync(target, mode);
  }
  makeGatewayToken(env.root);
  await applySettings(options);
}

/** A runner that reports while the one-time token is here, and only logs once it was handed over. */
function phasesOf({ paths, log, signal }: SetupOptions): { phase: PhaseRunner; flush: () => Promise<void> } {
  const config = readBootstrapJson(paths.rootBootstrapJson);
  if (config === null) return { phase: (_, __, work) => work(), flush: async () => undefined };
  let notes = '';
  const note: Log = (message) => {
    notes = `${notes}${message}\n`.slice(-16_000);
    log(message);
  };
  const { registrationToken, controlPlaneUrl: url, instanceId, owners } = config;
  const controlPlane = createControlPlane({ url, token: registrationToken, log: note, signal });
  const secrets = [registrationToken, owners.pairingSecret];
  const phase = createPhaseRunner({ instanceId, controlPlane, log: note, logTail: () => notes, secrets });
  return { phase, flush: controlPlane.flush };
}

/**
 * `machine-setup`, by bootstrap.sh as root: users, units, limits and settings, then OpenClaw by its lockfile.
 * Raises what the failed phase raised; run again it does what is left.
 */
export async function setUpMachine(options: SetupOptions): Promise<void> {
  const { env, paths, log, signal } = options;
  // What is made here is for every user to read unless it says otherwise.
  process.umask(0o022);
  const born = readBornWith(paths.rootBootstrapJson);
  if (born === null) throw new Error(`${paths.rootBootstrapJson} is missing or damaged`);
  const registry = born.sources?.npm;
  const { phase, flush } = phasesOf(options);
  try {
    // bootstrap.sh reports the phase's start and end, for its other half is apt's work; the failure is told from here.
    await harden(options).catch((error: unknown) =>
      phase('hardening', 'Users, units and limits', () => Promise.reject(error)),
    );
    const { version } = born.openclaw;
    await phase('installing', `OpenClaw ${version}`, async () => {
      mkdirSync(paths.store, { recursive: true, mode: 0o755 });
      await ensureOpenClaw({
        storeDir: paths.store,
        nodeBin: process.execPath,
        path: env.path,
        npmEnvironment: {
          ...env.npm,
          npm_config_cache: '/var/cache/claw-npm',
          ...(registry === undefined ? {} : { npm_config_registry: registry }),
        },
        version,
        scriptUser: 'openclaw',
        durable: true,
        log,
        signal,
      });
      useVersion(paths, version);
      rmSync('/var/cache/claw-npm', { recursive: true, force: true });
    });
  } finally {
    await flush();
  }
}
