import { type OwnerCommandName, OwnerFrame, type ownerCommands } from '@claw-cloud/contracts';
import { fromBase64Url } from '@claw-cloud/crypto';
import { fingerprint } from '@claw-cloud/crypto/owner-keys';
import type { z } from 'zod';
import { createBackoff } from '../backoff.ts';
import { createEmitter } from '../emitter.ts';
import { type Attempt, connectOnce, type OpenSocket, type Socket } from './attempt.ts';
import { createCommands, type OwnerResult, type ProgressFrame } from './commands.ts';
import { type CallOptions, type Prepared, prepare } from './prepare.ts';
import {
  ChannelError,
  type ChannelProblem,
  errorOf,
  isFinal,
  isSuspicious,
  lost,
  problems,
} from './problem.ts';

export type { OwnerResult, ProgressFrame } from './commands.ts';
export type { Entry } from './prepare.ts';

export type ChannelState =
  | { readonly status: 'connecting'; readonly problem: ChannelProblem | null }
  | {
      readonly status: 'open';
      readonly agentVersion: string;
      /** Six groups of five digits each, for two people to compare. */
      readonly agentFingerprint: string;
      readonly deviceFingerprint: string;
      /** Something odd that did not stop the connection (`agent_key_changed`). */
      readonly warning: ChannelProblem | null;
    }
  /** Tried again at `retryAt` (milliseconds since the epoch). */
  | { readonly status: 'waiting'; readonly problem: ChannelProblem; readonly retryAt: number }
  /** Not tried again until {@link OwnerConnection.retry}. */
  | { readonly status: 'failed'; readonly problem: ChannelProblem }
  | { readonly status: 'closed' };

export interface OwnerChannelOptions extends CallOptions {
  /** Absolute, e.g. https://claw.example: a WebSocket has no base of its own. */
  readonly baseUrl: string;
  /** @default globalThis.WebSocket */
  readonly openSocket?: OpenSocket;
  /** How long one attempt may take from dialling to the handshake's end. @default 15000 */
  readonly handshakeTimeoutMs?: number;
  /** A silent channel is asked for a sign of life after this long. @default 45000 */
  readonly silenceMs?: number;
  readonly random?: () => number;
  readonly now?: () => number;
}

export type GatewayStatusFrame = Extract<OwnerFrame, { type: 'gateway.status' }>;
export type Notice = Extract<OwnerFrame, { type: 'notice' }>['notice'];

export interface OwnerConnection {
  state(): ChannelState;
  onState(listener: (state: ChannelState) => void): () => void;
  onFrame(listener: (frame: OwnerFrame) => void): () => void;
  /** What an owner should hear at once: support that ends, a device that was added, a restart. */
  onNotice(listener: (notice: Notice) => void): () => void;
  /** What the agent last said of OpenClaw’s gateway on this connection; it says so once, at the start. */
  gatewayStatus(): GatewayStatusFrame | null;
  /** Raises {@link ChannelError} `connection_lost` while not open, CryptoError `channel_message_too_large`. */
  send(frame: OwnerFrame): void;
  /**
   * An owner's command to the agent. Raises {@link ChannelError} with the agent's code, or `timed_out` after
   * `timeoutMs` without an answer or a word of progress.
   */
  command<N extends OwnerCommandName>(
    name: N,
    params: z.input<(typeof ownerCommands)[N]>,
    options?: { timeoutMs?: number; onProgress?: (progress: ProgressFrame) => void },
  ): Promise<OwnerResult<N>>;
  /** Resolves when open; raises {@link ChannelError} of the problem when failed, closed or too late. */
  whenOpen(options?: { timeoutMs?: number }): Promise<void>;
  /** Tries again now: after a failure, or because the network is back. */
  retry(): void;
  close(): void;
}

/**
 * Keeps an end-to-end encrypted connection to an instance's agent, reconnecting with jitter. The first
 * connection proves the agent's key by the pairing secret (IKpsk2), pins it and erases the secret; later ones
 * accept the pinned key only (IK), whatever the control plane says.
 */
export function openOwnerChannel(options: OwnerChannelOptions): OwnerConnection {
  const { instanceId, keyring } = options;
  const { silenceMs = 45_000, now = Date.now } = options;
  const openSocket =
    options.openSocket ?? ((url, protocols) => new WebSocket(url, protocols) as unknown as Socket);
  const url = `${options.baseUrl.replace(/^http/, 'ws')}/v1/instances/${instanceId}/channel`;
  const states = createEmitter<ChannelState>();
  const frames = createEmitter<OwnerFrame>();
  const backoff = createBackoff({
    firstMs: 500,
    maxMs: 15_000,
    ...(options.random ? { random: options.random } : {}),
  });
  const notices = createEmitter<Notice>();
  const commands = createCommands((frame) => connection.send(frame));

  let state: ChannelState = { status: 'connecting', problem: null };
  let attempt: Attempt | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let lifeTimer: ReturnType<typeof setInterval> | undefined;
  let suspiciousInARow = 0;
  let freshToken = false;
  let lastHeard = 0;
  let gatewayStatus: GatewayStatusFrame | null = null;
  // Each try has a number: what a try that was overtaken still has to say is not listened to.
  let turn = 0;

  const set = (next: ChannelState): void => {
    state = next;
    states.emit(next);
  };

  const ended = (problem: ChannelProblem): void => {
    attempt = undefined;
    gatewayStatus = null;
    clearInterval(lifeTimer);
    commands.lose();
    suspiciousInARow = isSuspicious(problem) ? suspiciousInARow + 1 : 0;
    freshToken = problem.code === 'unauthenticated';
    if (isFinal(problem, suspiciousInARow)) {
      set({ status: 'failed', problem });
      return;
    }
    const delay = backoff.next();
    retryTimer = setTimeout(() => void connect(problem), delay);
    set({ status: 'waiting', problem, retryAt: now() + delay });
  };

  const connect = async (after: ChannelProblem | null): Promise<void> => {
    turn += 1;
    const mine = turn;
    clearTimeout(retryTimer);
    set({ status: 'connecting', problem: after });
    const prepared = await prepare(options, freshToken).catch(() => problems.unreachable);
    if (mine !== turn) return;
    if ('code' in prepared) return ended(prepared);
    try {
      attempt = dial(mine, prepared);
    } catch {
      ended(problems.connectionLost);
    }
  };

  const setOpen = (agentVersion: string, { agentPublicKey, toldAgentKey, device }: Prepared): void => {
    const changed = toldAgentKey !== null && toldAgentKey !== agentPublicKey;
    set({
      status: 'open',
      agentVersion,
      agentFingerprint: fingerprint(fromBase64Url(agentPublicKey)),
      deviceFingerprint: fingerprint(device.keyPair.publicKey),
      warning: changed ? problems.agentKeyChanged : null,
    });
  };

  /**
   * The agent has changed its key. It says so over a channel on which it has proven the one that is pinned, so
   * this is no word of the control plane; the channel that is open goes on.
   */
  const repin = async (mine: number, proven: string, next: string): Promise<void> => {
    if (options.entry || next === proven) return;
    const pinned = await keyring.repin(instanceId, proven, next).catch(() => false);
    if (!pinned || mine !== turn || state.status !== 'open') return;
    // What the control plane tells of it is as old as this connection: whether they differ shows at the next.
    set({ ...state, agentFingerprint: fingerprint(fromBase64Url(next)), warning: null });
  };

  const dial = (mine: number, prepared: Prepared): Attempt => {
    let pinned = Promise.resolve(prepared.agentPublicKey);
    return connectOnce({
      url,
      openSocket,
      instanceId,
      token: prepared.token,
      deviceKeyPair: prepared.device.keyPair,
      clientName: prepared.device.name,
      agentPublicKey: prepared.agentPublicKey,
      pairingSecret: prepared.pairingSecret,
      pairingId: prepared.pairingId,
      timeoutMs: options.handshakeTimeoutMs ?? 15_000,
      pin: prepared.pin,
      onOpen(agentVersion) {
        if (mine !== turn) return;
        backoff.reset();
        suspiciousInARow = 0;
        lastHeard = now();
        lifeTimer = setInterval(checkLife, silenceMs / 9);
        setOpen(agentVersion, prepared);
      },
      onMessage(text) {
        if (mine !== turn) return;
        heard(text, (next) => {
          // One change after the other: each is proven by the one before.
          pinned = pinned.then((proven) => repin(mine, proven, next).then(() => next));
        });
      },
      onEnd(problem) {
        if (mine !== turn) return;
        // Another window of this browser may have paired meanwhile: then the key is pinned by now.
        const paired = problem.code === 'pairing_used' && prepared.pairingSecret !== undefined;
        if (paired && !options.entry) void reconsider(mine, problem);
        else ended(problem);
      },
    });
  };

  const reconsider = async (mine: number, problem: ChannelProblem): Promise<void> => {
    const keys = await keyring.instance(instanceId).catch(() => undefined);
    if (mine !== turn) return;
    if (keys?.pinnedAgentKey !== undefined) void connect(null);
    else ended(problem);
  };

  const heard = (text: string, onKey: (publicKey: string) => void): void => {
    lastHeard = now();
    const parsed = OwnerFrame.safeParse(asJson(text));
    // What a newer agent says beyond our words is left out.
    if (!parsed.success) return;
    const frame = parsed.data;
    if (commands.heard(frame)) return;
    if (frame.type === 'gateway.status') gatewayStatus = frame;
    if (frame.type === 'agent.key') onKey(frame.publicKey);
    if (frame.type === 'notice') notices.emit(frame.notice);
    frames.emit(frame);
  };

  let asking = false;
  const checkLife = (): void => {
    if (asking || now() - lastHeard < silenceMs) return;
    asking = true;
    const asked = attempt;
    connection
      .command('instance.health', {}, { timeoutMs: silenceMs / 4 })
      .catch((error: unknown) => {
        if (error instanceof ChannelError && error.code === 'timed_out') asked?.drop(problems.timedOut);
      })
      .finally(() => {
        asking = false;
      });
  };

  const connection: OwnerConnection = {
    state: () => state,
    onState: states.on,
    onFrame: frames.on,
    onNotice: notices.on,
    gatewayStatus: () => gatewayStatus,
    send(frame) {
      if (state.status !== 'open' || !attempt) throw lost();
      attempt.send(JSON.stringify(frame));
    },
    command: commands.command,
    whenOpen({ timeoutMs = 30_000 } = {}) {
      return new Promise((resolve, reject) => {
        const settle = (next: ChannelState): boolean => {
          if (next.status === 'open') resolve();
          else if (next.status === 'failed') reject(errorOf(next.problem));
          else if (next.status === 'closed') reject(lost());
          else return false;
          return true;
        };
        if (settle(state)) return;
        const timer = setTimeout(() => {
          off();
          const last = state.status === 'waiting' || state.status === 'connecting' ? state.problem : null;
          reject(errorOf(last ?? problems.timedOut));
        }, timeoutMs);
        const off = states.on((next) => {
          if (!settle(next)) return;
          clearTimeout(timer);
          off();
        });
      });
    },
    retry() {
      if (state.status !== 'waiting' && state.status !== 'failed') return;
      suspiciousInARow = 0;
      backoff.reset();
      void connect(null);
    },
    close() {
      if (state.status === 'closed') return;
      turn += 1;
      clearTimeout(retryTimer);
      clearInterval(lifeTimer);
      attempt?.close();
      attempt = undefined;
      commands.lose();
      set({ status: 'closed' });
    },
  };
  void connect(null);
  return connection;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
