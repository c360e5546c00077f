import { createHash, randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  type InstanceReport,
  newId,
  type OwnerCommandName,
  type ownerCommands,
  type ownerResults,
  ProductError,
  supportMinutes,
} from '@claw-cloud/contracts';
import type { z } from 'zod';
import type { Audit } from '../audit/audit.ts';
import type { Log } from '../log.ts';
import { machineNeeded } from '../owner/commands/machine-needed.ts';
import type { Notice } from '../owner/notices.ts';
import type { Root } from '../root/client.ts';
import type { GrantState } from './kept-grants.ts';
import { type OpenGrant, openGrants } from './open-grants.ts';
import { socketOf } from './places.ts';
import { createDoor } from './support-stream.ts';
import { warnSeconds } from './texts.ts';

type Params<N extends OwnerCommandName> = z.output<(typeof ownerCommands)[N]>;
type Result<N extends OwnerCommandName> = z.input<(typeof ownerResults)[N]>;

export interface SupportOptions {
  /** Null in a process sandbox. */
  root: Root | null;
  /** The agent's own folder. */
  state: string;
  audit: Audit;
  report: (report: InstanceReport) => void;
  notify: (notice: Notice) => void;
  log: Log;
  signal: AbortSignal;
  now?: () => Date;
  /** Opens a grant's unix socket. */
  connect?: (path: string) => Socket;
  /** How often is looked whether a grant has ended. @default 15000 */
  everyMs?: number;
  /** After a login, its line takes a moment to be there. @default 1500 */
  logDelayMs?: number;
}

/** Support access as the agent has it: the owner's commands, the way in for the relay, and who hears of what. */
export interface Support {
  grant(params: Params<'support.grant'>, actor: string): Promise<Result<'support.grant'>>;
  revoke(params: Params<'support.revoke'>, actor: string): Promise<Result<'support.revoke'>>;
  list(): Promise<Result<'support.list'>>;
  recording(params: Params<'support.recording'>): Promise<Result<'support.recording'>>;
  /** Serves `POST /support`: the bytes of one SSH connection. */
  serve(stream: ServerHttp2Stream, grantId: unknown): void;
  /** Tells of everything that has happened at the doors since it was last told. Never raises. */
  settle(): Promise<void>;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export function createSupport(options: SupportOptions): Support {
  const { audit, report, notify, log, signal, now = () => new Date() } = options;
  const { everyMs = 15_000, logDelayMs = 1_500, connect = (path) => connectSocket(path) } = options;
  const open = openGrants(join(options.state, 'support.json'));
  const requireRoot = (): Root => {
    if (!options.root) throw machineNeeded();
    return options.root;
  };

  /** Passes on what a grant's SSH daemon said, to the audit and to the control plane. */
  const readLog = async (grant: OpenGrant): Promise<void> => {
    const { events, cursor } = await requireRoot().ask('support.log', {
      grantId: grant.id,
      after: grant.cursor,
    });
    for (const { at, outcome, reason, keyFingerprint } of events) {
      const detail = { grantId: grant.id, reason, keyFingerprint, at };
      audit.record({ actor: `support:${grant.name}`, action: 'support.login', outcome, detail });
      report({ kind: 'support_attempt', grantId: grant.id, outcome, reason });
      if (outcome === 'allowed') notify({ kind: 'grant_session', grantId: grant.id, name: grant.name });
    }
    const current = open.get(grant.id);
    if (current && cursor !== current.cursor) open.put({ ...current, cursor });
  };

  const tellEnd = (grant: OpenGrant, ended: GrantState | undefined): void => {
    const why = ended?.endedWhy ?? 'expired';
    const detail = { grantId: grant.id, name: grant.name, why, endedAt: ended?.endedAt ?? null };
    audit.record({
      actor: why === 'revoked' ? 'owner' : 'root',
      action: 'support.ended',
      outcome: 'succeeded',
      detail,
    });
    report({ kind: 'grant_closed', grantId: grant.id, why });
    notify({ kind: 'grant_ended', grantId: grant.id, name: grant.name, why });
    open.remove(grant.id);
  };

  const opening = new Set<string>();
  let firstLook = true;
  let settling: Promise<void> = Promise.resolve();
  const settleOnce = async (): Promise<void> => {
    if (!options.root || (open.all().length === 0 && !firstLook)) return;
    const { grants } = await options.root.ask('support.list', {}, { timeoutMs: 30_000 });
    // Cut off in the middle of granting: nobody has its token, so nobody needs it.
    if (firstLook)
      for (const { id, endedAt } of grants)
        if (endedAt === null && !open.get(id) && !opening.has(id))
          await options.root.ask('support.close', { grantId: id });
    firstLook = false;
    for (const grant of [...open.all()]) {
      await readLog(grant);
      const found = grants.find(({ id }) => id === grant.id);
      if (!found || found.endedAt !== null) {
        tellEnd(grant, found);
        continue;
      }
      const leftMs = Date.parse(grant.endsAt) - now().getTime();
      const current = open.get(grant.id);
      if (current && !current.warned && leftMs <= warnSeconds * 1000) {
        notify({ kind: 'grant_ending', grantId: grant.id, name: grant.name, endsAt: grant.endsAt });
        open.put({ ...current, warned: true });
      }
    }
  };
  const settle = (): Promise<void> => {
    settling = settling.then(settleOnce).catch((error: unknown) => {
      if (!signal.aborted) log(`support: not settled: ${error instanceof Error ? error.message : 'unknown'}`);
    });
    return settling;
  };
  const soon = (ms: number): void => {
    if (!signal.aborted) setTimeout(() => void settle(), ms).unref();
  };
  const timer = setInterval(() => void settle(), everyMs);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  void settle();

  const door = createDoor({
    connect: (grantId) => connect(socketOf(grantId)),
    isOpen: (grantId) => open.get(grantId) !== undefined,
    now: () => now().getTime(),
    onAttempt({ grantId, outcome, reason }) {
      audit.record({
        actor: 'control plane',
        action: 'support.connect',
        outcome,
        detail: { grantId, reason },
      });
      report({ kind: 'support_attempt', grantId, outcome, reason });
      log(`support: a connection was ${outcome}: ${reason}`);
      if (outcome === 'allowed') soon(logDelayMs);
      else if (grantId !== null && open.get(grantId)) void settle();
    },
    onClosed: () => soon(logDelayMs / 3),
  });

  return {
    settle,
    serve: door.serve,

    async grant({ name, publicKey, minutes, root, confirmLong }, actor) {
      const asRoot = requireRoot();
      if (minutes > supportMinutes.askTwiceAbove && !confirmLong)
        throw new ProductError(
          'confirmation_needed',
          `${Math.round((minutes / 60) * 10) / 10} hours is long for somebody else to be let in.`,
          'Confirm that you mean it, or choose four hours or less.',
        );
      const grantId = newId('grant', (size) => randomBytes(size));
      const token = randomBytes(32).toString('base64url');
      opening.add(grantId);
      const opened = await asRoot.ask('support.open', {
        grantId,
        name,
        publicKey,
        root,
        seconds: minutes * 60,
      });
      const { keyFingerprint, startsAt, endsAt, hostKey } = opened;
      const detail = { grantId, name, keyFingerprint, root, startsAt, endsAt };
      if (!audit.record({ actor, action: 'support.grant', outcome: 'allowed', detail })) {
        await asRoot.ask('support.close', { grantId });
        throw new ProductError(
          'disk_full',
          'The server can’t write its audit, so it lets nobody in.',
          'Free some disk space, then grant again.',
        );
      }
      open.put({ id: grantId, name, root, endsAt, cursor: null, warned: minutes * 60 <= warnSeconds });
      opening.delete(grantId);
      const grant = { id: grantId, name, keyFingerprint, root, startsAt, endsAt };
      report({ kind: 'grant_opened', grant: { ...grant, tokenHash: hashOf(token) } });
      return { grant: { ...grant, endedAt: null, endedWhy: null, sessions: [] }, hostKey, token };
    },

    async revoke({ grantId }, actor) {
      const closed = await requireRoot().ask('support.close', { grantId });
      door.closeAll(grantId);
      const { name, endedWhy } = closed;
      audit.record({
        actor,
        action: 'support.revoke',
        outcome: 'succeeded',
        detail: { grantId, name, endedWhy },
      });
      void settle();
      return closed;
    },

    async list() {
      if (!options.root) return { grants: [] };
      void settle();
      return options.root.ask('support.list', {});
    },

    recording: (params) => requireRoot().ask('support.recording', params),
  };
}
