import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentRelease, type ReleaseOffer } from '@claw-cloud/contracts';
import { offerFor } from '@claw-cloud/core/rollout';
import type { ChannelEntry } from '@claw-cloud/db';
import { describeError, type Log } from '../log.ts';
import { post } from './ask-restart.ts';
import type { Tunnel } from './tunnels.ts';

export interface OffersOptions {
  readonly channel: () => Promise<ChannelEntry[]>;
  /** The agent of this release, or null where none is served. */
  readonly agent: () => Promise<AgentRelease | null>;
  readonly tunnels: () => Iterable<Tunnel>;
  readonly log: Log;
  /** How often the channel is looked at. @default 15000 */
  readonly everyMs?: number;
}

export interface Offers {
  /** Tells an instance that has just connected what is offered to it. */
  greet(tunnel: Tunnel): Promise<void>;
  /** Looks at the channel now and tells whoever's offer has changed; never rejects. */
  refresh(): Promise<void>;
  stop(): void;
}

const sideBySide = 32;
const answerMs = 10_000;

/** Tells instances what the channel offers them: when they connect, and when that changes. An offer starts nothing. */
export function createOffers(options: OffersOptions): Offers {
  const { channel, agent, tunnels, log, everyMs = 15_000 } = options;
  /** What a tunnel was told, as text; a tunnel that could not be told is tried again at the next look. */
  const told = new WeakMap<Tunnel, string>();
  /** One after the other per tunnel: it hears each offer once, and the last one last. */
  const turns = new WeakMap<Tunnel, Promise<void>>();
  let current: { channel: ChannelEntry[]; agent: AgentRelease | null } | null = null;
  let looking: Promise<void> | null = null;

  const tell = (tunnel: Tunnel): Promise<void> => {
    const turn = (turns.get(tunnel) ?? Promise.resolve()).then(() => tellNow(tunnel));
    turns.set(tunnel, turn);
    return turn;
  };

  const tellNow = async (tunnel: Tunnel): Promise<void> => {
    if (!current || tunnel.session.closed || tunnel.session.destroyed) return;
    const offer: ReleaseOffer = {
      openclaw: offerFor(current.channel, tunnel.instanceId),
      agent: current.agent,
    };
    const text = JSON.stringify(offer);
    if (told.get(tunnel) === text) return;
    try {
      const status = await post(tunnel.session, '/release-offer', text, answerMs);
      // An agent that knows no offers is not told again until something changes.
      if (status < 500) told.set(tunnel, text);
    } catch {
      // Its tunnel is going, or it is busy: the next look is seconds away.
    }
  };

  const look = async (): Promise<void> => {
    current = { channel: await channel(), agent: await agent() };
  };

  const refresh = (): Promise<void> => {
    looking ??= (async () => {
      try {
        await look();
        const waiting = [...tunnels()].values();
        // Each worker takes the next one: a slow instance holds up nobody else.
        await Promise.all(
          Array.from({ length: sideBySide }, async () => {
            for (const tunnel of waiting) await tell(tunnel);
          }),
        );
      } catch (error) {
        log.warn('the channel could not be read', describeError(error));
      } finally {
        looking = null;
      }
    })();
    return looking;
  };

  const timer = setInterval(() => void refresh(), everyMs);
  timer.unref();
  return {
    async greet(tunnel) {
      try {
        if (!current) await look();
        await tell(tunnel);
      } catch (error) {
        log.warn('the channel could not be read', describeError(error));
      }
    },
    refresh,
    stop: () => clearInterval(timer),
  };
}

/** Reads which agent is served from the folder that serves it, at each call: a new one is a new file. */
export async function servedAgent(agentDir: string | null): Promise<AgentRelease | null> {
  if (agentDir === null) return null;
  const text = await readFile(join(agentDir, 'agent.json'), 'utf8').catch(() => null);
  return text === null ? null : AgentRelease.parse(JSON.parse(text));
}
