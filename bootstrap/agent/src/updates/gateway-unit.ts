import { gatewayUnit } from '../root/verbs/gateway.ts';
import { StepFailed } from './step-failed.ts';
import type { UpdateTools } from './tools.ts';

const stopGraceMs = 15_000;
const killGraceMs = 15_000;
const pollMs = 200;
const lookEveryMs = 1000;
/** systemd starts a gateway that ends again: this often it is no accident. */
const endsUntilFailure = 2;

async function property({ must }: UpdateTools, unit: string, name: string): Promise<string> {
  return (await must(['systemctl', 'show', unit, `--property=${name}`, '--value'])).trim();
}

/** Stops the gateway and waits until it has ended; one that takes too long is killed. */
export async function stopGateway(tools: UpdateTools): Promise<void> {
  const { must, run, pause, elapsed } = tools;
  await must(['systemctl', 'stop', '--no-block', gatewayUnit]);
  const ended = async (limitMs: number): Promise<boolean> => {
    const until = elapsed() + limitMs;
    for (;;) {
      if (['inactive', 'failed'].includes(await property(tools, gatewayUnit, 'ActiveState'))) return true;
      if (elapsed() >= until) return false;
      await pause(pollMs);
    }
  };
  if (await ended(stopGraceMs)) return;
  await run(['systemctl', 'kill', '--signal=SIGKILL', gatewayUnit]);
  if (!(await ended(killGraceMs)))
    throw new StepFailed('stop', 'OpenClaw did not stop, not even when killed.');
}

export async function startGateway({ must, run }: UpdateTools): Promise<void> {
  // After a few failures in a row systemd would refuse to start it.
  await run(['systemctl', 'reset-failed', gatewayUnit]);
  await must(['systemctl', 'start', '--no-block', gatewayUnit]);
}

/** Why the gateway's unit will not get well by itself; null while it may. */
export async function whyEnded(tools: UpdateTools): Promise<string | null> {
  const state = await property(tools, gatewayUnit, 'ActiveState');
  const restarts = Number(await property(tools, gatewayUnit, 'NRestarts'));
  if (state !== 'failed' && restarts < endsUntilFailure) return null;
  return `OpenClaw ended as soon as it was started (code ${await property(tools, gatewayUnit, 'ExecMainStatus')}).`;
}

export interface Healthy {
  port: number;
  version: string;
  limitMs: number;
  /** Why it can't get healthy any more, or null. */
  ended: () => Promise<string | null>;
}

/** Resolves with the milliseconds it took once this version answers an authenticated round trip. Raises StepFailed. */
export async function untilHealthy(tools: UpdateTools, wanted: Healthy): Promise<number> {
  const { probe, pause, elapsed, signal } = tools;
  const { port, version, limitMs, ended } = wanted;
  const startedAt = elapsed();
  let lookedAt = startedAt;
  let why = 'it did not answer';
  while (elapsed() - startedAt < limitMs) {
    signal.throwIfAborted();
    try {
      const answered = await probe(port);
      if (answered === version) return elapsed() - startedAt;
      why = `${answered} answered instead`;
    } catch (error) {
      why = error instanceof Error ? error.message : 'it did not answer';
    }
    if (elapsed() - lookedAt >= lookEveryMs) {
      lookedAt = elapsed();
      const reason = await ended();
      if (reason !== null) throw new StepFailed('start', reason);
    }
    await pause(pollMs);
  }
  throw new StepFailed(
    'health',
    `OpenClaw ${version} was not healthy within ${Math.round(limitMs / 1000)} s: ${why}.`,
  );
}
