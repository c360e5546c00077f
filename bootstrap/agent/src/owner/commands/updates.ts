import { type ownerResults, ProductError } from '@claw-cloud/contracts';
import type { z } from 'zod';
import type { VerbName, VerbParams } from '../../root/client.ts';
import { changeSettings, readSettings } from '../../updates/settings.ts';
import { tellLastChange } from '../../updates/settle.ts';
import { agentVersion } from '../../version.ts';
import type { CommandContext, Handlers } from './context.ts';
import { keepTelling } from './keep-telling.ts';
import { machineNeeded } from './machine-needed.ts';

type Updates = z.input<(typeof ownerResults)['updates.get']>;
type ChangeVerb = Extract<VerbName, 'openclaw.update' | 'openclaw.rollback' | 'restore.apply'>;

/** More than root's own limit. */
const changeLimitMs = 65 * 60_000;
const dayMs = 24 * 3_600_000;

/** What an owner sees of versions: the one in use, the one before, the one offered, and how the last change ended. */
export async function readUpdates(context: CommandContext): Promise<Updates> {
  const { root, gateway, health, releases, paths, log } = context;
  const { pinned, snoozedUntil } = readSettings(paths, log);
  const offer = releases.offered();
  const state = root
    ? await root.ask('openclaw.state', {})
    : { current: gateway.version(), previous: null, running: null, last: null };
  const current = state.current ?? 'unknown';
  return {
    current,
    previous: state.previous,
    latest: offer.openclaw?.version === current ? null : offer.openclaw,
    pinned,
    snoozedUntil,
    running: state.running && { to: state.running.to, step: state.running.step },
    last: state.last && {
      at: state.last.at,
      from: state.last.from,
      to: state.last.to,
      outcome: state.last.outcome,
      reason: state.last.reason,
      downSeconds: state.last.downSeconds,
    },
    agent: { version: agentVersion, sha256: health().agentSha256 ?? null, latest: offer.agent },
  };
}

/**
 * Has root change the version or the state. The health check stands aside while the gateway is down on purpose; who did what, and how
 * it ended, is audited here and told to the control plane.
 */
export async function changeOpenClaw<N extends ChangeVerb>(
  context: CommandContext,
  verb: N,
  params: VerbParams<N>,
): Promise<Updates> {
  const { root, device, audit, log, progress, holdGatewayCheck } = context;
  if (!root) throw machineNeeded();
  const held: (() => void)[] = [];
  const record = (outcome: 'succeeded' | 'failed', detail: Record<string, unknown>) =>
    audit.record({ actor: `owner:${device.name}`, action: verb, outcome, detail });
  const alive = keepTelling(progress);
  try {
    await root.ask(verb, params, {
      timeoutMs: changeLimitMs,
      onProgress(step, message, fraction) {
        if (step === 'stop') held.push(holdGatewayCheck());
        alive.tell(step, message, fraction);
      },
    });
    record('succeeded', { ...params });
  } catch (error) {
    record('failed', { ...params, reason: error instanceof Error ? error.message.slice(0, 500) : null });
    // Where root's daemon was lost in the middle: nothing else would put the former version back.
    await root
      .ask('openclaw.recover', {}, { timeoutMs: changeLimitMs })
      .catch((lost: unknown) =>
        log(`a change was not recovered: ${lost instanceof Error ? lost.message : 'no answer'}`),
      );
    throw error;
  } finally {
    alive.end();
    for (const release of held) release();
    await tellLastChange({ ...context, root }).catch((error: unknown) =>
      log(`the end of a change was not reported: ${error instanceof Error ? error.message : 'no answer'}`),
    );
  }
  return readUpdates(context);
}

/** Versions of OpenClaw: nothing here happens without the owner. */
export const updateCommands = {
  'updates.get': (_, context) => readUpdates(context),
  async 'updates.apply'({ version }, context) {
    const { root, paths, log, releases } = context;
    if (!root) throw machineNeeded();
    const { pinned } = readSettings(paths, log);
    if (pinned !== null && pinned !== version) {
      throw new ProductError(
        'conflict',
        `OpenClaw is pinned to ${pinned} on this server.`,
        'End the pin first.',
      );
    }
    const offered = releases.offered().openclaw;
    const integrity = offered?.version === version ? offered.integrity : null;
    const updates = await changeOpenClaw(context, 'openclaw.update', { version, integrity });
    changeSettings(paths, log, { snoozedUntil: null });
    return { ...updates, snoozedUntil: null };
  },
  'updates.rollback': (_, context) => changeOpenClaw(context, 'openclaw.rollback', {}),
  'updates.pin'({ version }, context) {
    if (!context.root) throw machineNeeded();
    changeSettings(context.paths, context.log, { pinned: version });
    return readUpdates(context);
  },
  'updates.snooze'({ days }, context) {
    if (!context.root) throw machineNeeded();
    const snoozedUntil = new Date(Date.now() + days * dayMs).toISOString();
    changeSettings(context.paths, context.log, { snoozedUntil });
    return readUpdates(context);
  },
} satisfies Handlers;
