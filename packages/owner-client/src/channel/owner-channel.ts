import { type OwnerCommandName, OwnerFrame, type ownerCommands } from '@claw-cloud/contracts';
import { fromBase64Url, ready } from '@claw-cloud/crypto';
import { fingerprint } from '@claw-cloud/crypto/owner-keys';
import type { z } from 'zod';
import type { ApiClient } from '../api-client.ts';
import { createBackoff } from '../backoff.ts';
import { createEmitter } from '../emitter.ts';
import type { Keyring } from '../keyring.ts';
import { isProblem } from '../problem.ts';
import { type Attempt, connectOnce, type OpenSocket, type Socket } from './attempt.ts';
import { ChannelError, type ChannelProblem, isFinal, isSuspicious, problems } from './problem.ts';

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

export interface OwnerChannelOptions {
  /** Absolute, e.g. https://claw.example: a WebSocket has no base of its own. */
  readonly baseUrl: string;
  readonly instanceId: string;
  readonly api: Pick<ApiClient, 'getInstance' | 'getToken'>;
  readonly keyring: Keyring;
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

export interface OwnerConnection {
  state(): ChannelState;
  onState(listener: (state: ChannelState) => void): () => void;
  onFrame(listener: (frame: OwnerFrame) => void): () => void;
  /** What the agent last said of OpenClaw’s gateway on this connection; it says so once, at the start. */
  gatewayStatus(): GatewayStatusFrame | null;
  /** Raises {@link ChannelError} `connection_lost` while not open, CryptoError `channel_message_too_large`. */
  send(frame: OwnerFrame): void;
  /** An owner's command to the agent. Raises {@link ChannelError} with the agent's code, or `timed_out`. */
  command<N extends OwnerCommandName>(
    name: N,
    params: z.input<(typeof ownerCommands)[N]>,
    options?: { timeoutMs?: number },
  ): Promise<unknown>;
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
  const { instanceId, api, keyring } = options;
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
  const pending = new Map<string, { settle: (frame: OwnerFrame | null) => void }>();

  let state: ChannelState = { status: 'connecting', problem: null };
  let attempt: Attempt | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let lifeTimer: ReturnType<typeof setInterval> | undefined;
  let suspiciousInARow = 0;
  let freshToken = false;
  let commandCount = 0;
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
    for (const waiting of [...pending.values()]) waiting.settle(null);
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

  /** What the next attempt needs, or why there can't be one. */
  const prepare = async () => {
    await ready();
    const [keys, device] = await Promise.all([keyring.instance(instanceId), keyring.deviceOf(instanceId)]);
    if (!keys || !device) return problems.deviceUnknown;
    const told = await api.getInstance(instanceId).catch((error: unknown) => {
      if (isProblem(error, 'not_found')) return problems.notFound;
      if (isProblem(error, 'unauthenticated')) return problems.unauthenticated;
      return problems.unreachable;
    });
    if ('code' in told) return told;
    if (told.state === 'destroyed') return problems.notFound;
    const agentPublicKey = keys.pinnedAgentKey ?? told.agentPublicKey;
    if (agentPublicKey === null || (keys.pinnedAgentKey === undefined && keys.pairingSecret === undefined)) {
      return problems.notReady;
    }
    const changed = told.agentPublicKey !== null && told.agentPublicKey !== agentPublicKey;
    return {
      agentPublicKey,
      pairingSecret: keys.pinnedAgentKey === undefined ? keys.pairingSecret : undefined,
      device,
      warning: changed ? problems.agentKeyChanged : null,
      token: await api.getToken({ fresh: freshToken }),
    };
  };

  const connect = async (after: ChannelProblem | null): Promise<void> => {
    turn += 1;
    const mine = turn;
    clearTimeout(retryTimer);
    set({ status: 'connecting', problem: after });
    const prepared = await prepare().catch(() => problems.unreachable);
    if (mine !== turn) return;
    if ('code' in prepared) return ended(prepared);
    try {
      attempt = dial(mine, prepared);
    } catch {
      ended(problems.connectionLost);
    }
  };

  type Prepared = Exclude<Awaited<ReturnType<typeof prepare>>, ChannelProblem>;
  const dial = (mine: number, { agentPublicKey, pairingSecret, device, warning, token }: Prepared): Attempt =>
    connectOnce({
      url,
      token,
      openSocket,
      instanceId,
      deviceKeyPair: device.keyPair,
      clientName: device.name,
      agentPublicKey,
      pairingSecret,
      timeoutMs: options.handshakeTimeoutMs ?? 15_000,
      pin: (key) => keyring.pin(instanceId, key),
      onOpen(agentVersion) {
        if (mine !== turn) return;
        backoff.reset();
        suspiciousInARow = 0;
        lastHeard = now();
        lifeTimer = setInterval(checkLife, silenceMs / 9);
        set({
          status: 'open',
          agentVersion,
          agentFingerprint: fingerprint(fromBase64Url(agentPublicKey)),
          deviceFingerprint: fingerprint(device.keyPair.publicKey),
          warning,
        });
      },
      onMessage(text) {
        if (mine === turn) heard(text);
      },
      onEnd(problem) {
        if (mine !== turn) return;
        // Another window of this browser may have paired meanwhile: then the key is pinned by now.
        if (problem.code === 'pairing_used' && pairingSecret !== undefined) void reconsider(mine, problem);
        else ended(problem);
      },
    });

  const reconsider = async (mine: number, problem: ChannelProblem): Promise<void> => {
    const keys = await keyring.instance(instanceId).catch(() => undefined);
    if (mine !== turn) return;
    if (keys?.pinnedAgentKey !== undefined) void connect(null);
    else ended(problem);
  };

  const heard = (text: string): void => {
    lastHeard = now();
    const frame = OwnerFrame.safeParse(asJson(text));
    // What a newer agent says beyond our words is left out.
    if (!frame.success) return;
    if (frame.data.type === 'gateway.status') gatewayStatus = frame.data;
    if (frame.data.type === 'result' || frame.data.type === 'error')
      pending.get(frame.data.id)?.settle(frame.data);
    else frames.emit(frame.data);
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
    gatewayStatus: () => gatewayStatus,
    send(frame) {
      if (state.status !== 'open' || !attempt) throw lost();
      attempt.send(JSON.stringify(frame));
    },
    command(name, params, { timeoutMs = 30_000 } = {}) {
      commandCount += 1;
      const id = `c${commandCount}`;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          pending.delete(id);
          reject(
            new ChannelError('timed_out', 'Your server did not answer in time.', 'Try again in a moment.'),
          );
        }, timeoutMs);
        const settle = (frame: OwnerFrame | null) => {
          clearTimeout(timer);
          pending.delete(id);
          if (frame?.type === 'result') resolve(frame.value);
          else if (frame?.type === 'error')
            reject(new ChannelError(frame.error.code, frame.error.message, frame.error.fix));
          else reject(lost());
        };
        pending.set(id, { settle });
        try {
          connection.send({ type: 'command', id, name, params });
        } catch (error) {
          clearTimeout(timer);
          pending.delete(id);
          reject(error);
        }
      });
    },
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
      for (const waiting of [...pending.values()]) waiting.settle(null);
      set({ status: 'closed' });
    },
  };
  void connect(null);
  return connection;
}

const errorOf = (problem: ChannelProblem) => new ChannelError(problem.code, problem.message, problem.fix);
const lost = () => errorOf(problems.connectionLost);

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
