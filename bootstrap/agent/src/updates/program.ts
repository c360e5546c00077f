import { join } from 'node:path';
import { confined } from '../machine-setup/units.ts';
import type { Paths } from '../paths.ts';
import type { CommandResult } from '../root/verb.ts';
import { packageOf } from '../root/verbs/openclaw.ts';
import { openclawUser, type UpdateTools } from './tools.ts';

export interface OpenClawProgram {
  /** Of the transient unit: one at a time of each name. */
  unit: string;
  version: string;
  args: readonly string[];
  /** The state that it sees in the place of OpenClaw's own. @default OpenClaw's own */
  state?: string;
  /** Folders besides that it may write to. */
  writes?: readonly string[];
  /** Whether it sees not even this machine's own loopback. @default false */
  alone?: boolean;
  limitMs: number;
  env?: Record<string, string>;
}

const heapMb = 1536;
/** Shared with the gateway's unit: what a try-out compiles, the start in earnest needn't. */
const compileCache = '/var/cache/openclaw/compile';

function environment(paths: Paths): Record<string, string> {
  return {
    HOME: paths.openclawHome,
    LANG: 'C.UTF-8',
    OPENCLAW_STATE_DIR: paths.openclawState,
    OPENCLAW_CONFIG_PATH: paths.openclawConfig,
    OPENCLAW_NO_RESPAWN: '1',
    OPENCLAW_DISABLE_BONJOUR: '1',
    OPENCLAW_SUPERVISOR_MODE: 'external',
    OPENCLAW_SERVICE_REPAIR_POLICY: 'external',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    NODE_COMPILE_CACHE: compileCache,
    OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: '1',
  };
}

/** As for every service of ours, save for what setting a world of its own up needs; that is given up before OpenClaw runs. */
const notApart = /^(PrivateUsers|CapabilityBoundingSet|AmbientCapabilities|RestrictNamespaces)=/;

/** OpenClaw's user with a copy of its state: in a world of its own, where no process is that the copy says it is in use by. */
function apart(paths: Paths, state: string, live: string): { properties: string[]; prefix: string[] } {
  return {
    properties: [
      ...confined.split('\n').filter((property) => !notApart.test(property)),
      'CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SETUID CAP_SETGID CAP_SETPCAP',
      `BindPaths=${state}:${live}`,
    ],
    prefix: [
      ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
      ...['setpriv', `--reuid=${openclawUser}`, `--regid=${openclawUser}`, '--init-groups', '--no-new-privs'],
      ...['--inh-caps=-all', '--bounding-set=-all', '--', 'env', '-C', paths.openclawHome],
    ],
  };
}

/** OpenClaw's user beside the gateway, with the state as it is. */
function beside(paths: Paths): { properties: string[]; prefix: string[] } {
  return {
    properties: [
      `User=${openclawUser}`,
      `Group=${openclawUser}`,
      `WorkingDirectory=${paths.openclawHome}`,
      ...confined.split('\n'),
      'SystemCallFilter=@system-service',
      'SystemCallFilter=~@privileged @resources',
    ],
    prefix: [],
  };
}

/**
 * systemd-run's arguments for a program of OpenClaw, in a transient unit: as OpenClaw's user, without privileges, with a copy of the state
 * mounted in the place of the real one, and without a network beyond loopback, so that a copy's chat channels and schedules reach nobody.
 */
export function transientUnit(
  { paths, folders }: Pick<UpdateTools, 'paths' | 'folders'>,
  program: OpenClawProgram,
  how: 'wait' | 'stay',
): string[] {
  const { unit, version, args, state, writes = [], alone = false, limitMs, env = {} } = program;
  const { properties, prefix } = state === undefined ? beside(paths) : apart(paths, state, folders.live);
  const all = [
    ...properties,
    'InaccessiblePaths=-/var/lib/claw -/var/lib/cloud -/var/lib/claw-root -/run/claw -/var/log/claw',
    ...(alone ? ['PrivateNetwork=yes'] : ['IPAddressDeny=any', 'IPAddressAllow=localhost']),
    'KillMode=control-group',
    'TimeoutStopSec=10',
    `RuntimeMaxSec=${Math.ceil(limitMs / 1000)}`,
    `ReadWritePaths=${[folders.live, `-${compileCache}`, ...writes].join(' ')}`,
  ];
  return [
    'systemd-run',
    '--quiet',
    '--collect',
    `--unit=${unit}`,
    '--service-type=exec',
    ...(how === 'wait' ? ['--wait', '--pipe'] : []),
    ...all.map((property) => `--property=${property}`),
    ...Object.entries({ ...environment(paths), ...env }).map(([name, value]) => `--setenv=${name}=${value}`),
    '--',
    ...prefix,
    process.execPath,
    `--max-old-space-size=${heapMb}`,
    join(packageOf(paths, version), 'openclaw.mjs'),
    ...args,
  ];
}

/** Runs one of OpenClaw's commands to its end. Raises only when it takes longer than its limit. */
export function runOpenClaw(tools: UpdateTools, program: OpenClawProgram): Promise<CommandResult> {
  // systemd ends the program at its limit; a little more for the answer.
  return tools.run(transientUnit(tools, program, 'wait'), { timeoutMs: program.limitMs + 30_000 });
}
