import { join } from 'node:path';
import { snapshotState } from './archive.ts';
import { untilHealthy } from './gateway-unit.ts';
import { runOpenClaw, transientUnit } from './program.ts';
import { discard } from './state-copy.ts';
import { inStep, lastWords, StepFailed } from './step-failed.ts';
import { openclawUser, type UpdateTools } from './tools.ts';

export interface TriedOut {
  /** Whether the state has to be migrated by OpenClaw's doctor before this version starts with it. */
  needsDoctor: boolean;
  /** How long it took to get healthy beside the running one; null where there was no memory for two. */
  startMs: number | null;
}

const unit = 'claw-openclaw-try';
/** A busy or small server takes minutes, and nobody is waiting: OpenClaw runs on. */
const startLimitMs = 5 * 60_000;
const doctorLimitMs = 4 * 60_000;
const versionLimitMs = 60_000;
/** A gateway at its start. */
const neededMemoryMb = 900;
/** Nothing of a copy may be said or done a second time. */
const silent = {
  OPENCLAW_SKIP_CHANNELS: '1',
  OPENCLAW_SKIP_CRON: '1',
  OPENCLAW_SKIP_GMAIL_WATCHER: '1',
};

/** Whether there is memory for a second OpenClaw beside the running one. */
export const hasRoomForTwo = ({ availableMemoryMb }: UpdateTools): boolean =>
  availableMemoryMb() >= neededMemoryMb;

/** OpenClaw's own migration of a state. Raises StepFailed. */
export function migrate(tools: UpdateTools, version: string, state: string): Promise<void> {
  return inStep('migrate', async () => {
    const ended = await runOpenClaw(tools, {
      unit: 'claw-openclaw-doctor',
      version,
      args: ['doctor', '--fix', '--non-interactive', '--yes'],
      state,
      // It would take the gateway that runs for one that uses this state.
      alone: true,
      limitMs: doctorLimitMs,
    });
    if (ended.code !== 0) throw new Error(`OpenClaw's doctor ended with ${ended.code}: ${lastWords(ended)}`);
  });
}

async function start(tools: UpdateTools, version: string, state: string): Promise<number> {
  const { must, run, tryOutPort } = tools;
  const program = {
    unit,
    version,
    args: ['gateway', 'run', '--port', String(tryOutPort)],
    state,
    limitMs: startLimitMs + 60_000,
    env: silent,
  };
  await run(['systemctl', 'stop', `${unit}.service`]);
  await must(transientUnit(tools, program, 'stay'));
  const ended = async (): Promise<string | null> => {
    const shown = await run(['systemctl', 'is-active', `${unit}.service`]);
    return ['active', 'activating'].includes(shown.stdout.trim())
      ? null
      : 'It ended as soon as it was started.';
  };
  try {
    return await untilHealthy(tools, { port: tryOutPort, version, limitMs: startLimitMs, ended });
  } finally {
    await run(['systemctl', 'stop', `${unit}.service`]);
  }
}

/** Starts a version with a state of its own beside the running one, after OpenClaw's doctor where it needs to. Raises StepFailed. */
export async function tryState(tools: UpdateTools, version: string, state: string): Promise<TriedOut> {
  try {
    return { needsDoctor: false, startMs: await start(tools, version, state) };
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    tools.log(`OpenClaw ${version} did not start with the state as it is: ${error.message}`);
    await migrate(tools, version, state);
    return { needsDoctor: true, startMs: await start(tools, version, state) };
  }
}

/**
 * Tries a version out while the former one runs: that it can be run at all, and that its gateway gets healthy with a copy of the
 * state, channels and schedules off. Raises StepFailed; nothing was changed then.
 */
export async function tryOut(
  tools: UpdateTools,
  from: string,
  version: string,
  copyName: string,
): Promise<TriedOut> {
  const { run, paths, log } = tools;
  const entry = join(paths.store, `openclaw-${version}`, 'lib/node_modules/openclaw/openclaw.mjs');
  const said = await inStep('start', () =>
    run([process.execPath, entry, '--version'], { user: openclawUser, timeoutMs: versionLimitMs }),
  );
  if (said.code !== 0 || !said.stdout.includes(version)) {
    throw new StepFailed('start', `OpenClaw ${version} can't be run on this server: ${lastWords(said)}`);
  }
  if (!hasRoomForTwo(tools)) {
    log(`OpenClaw ${version} was not tried out beside the running one: there is no memory for two`);
    return { needsDoctor: false, startMs: null };
  }
  try {
    const copy = await inStep('backup', () => snapshotState(tools, from, copyName));
    return await tryState(tools, version, copy);
  } finally {
    await discard(tools, [copyName]);
  }
}
