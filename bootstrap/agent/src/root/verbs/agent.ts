import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { writePrivate } from '../../private-file.ts';
import { openAgents, Sha256, SwitchOutcome } from '../guard/agents.ts';
import { guardUnit } from '../guard/unit.ts';
import { rootVerb } from '../verb.ts';

/** In base64; an agent is a megabyte, and a request of root's at most four. */
const dataLimit = 3_900_000;
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const notThisOne = (sha256: string, got: string): ProductError =>
  new ProductError(
    'digest_mismatch',
    `The agent is not the one that was asked for: its SHA-256 is ${got}, expected ${sha256}.`,
    'Try again. If it happens again, compare the digest with the published one.',
  );

/** Puts an agent beside those that are there, by its digest, which root counts itself. */
export const agentStage = rootVerb({
  params: z.object({ sha256: Sha256, data: z.base64().max(dataLimit) }),
  result: z.object({}),
  limitMs: 30_000,
  group: 'agent',
  async work({ sha256, data }, { paths, log }) {
    const bytes = Buffer.from(data, 'base64');
    const got = digestOf(bytes);
    if (got !== sha256) throw notThisOne(sha256, got);
    const file = openAgents(paths, log).fileOf(sha256);
    mkdirSync(paths.agents, { recursive: true, mode: 0o755 });
    writePrivate(file, bytes);
    chmodSync(file, 0o644);
    return {};
  },
});

/**
 * Makes a staged agent the one in use and restarts the service; the former one comes back unless the new one confirms
 * itself within `limitSeconds`.
 */
export const agentSwitch = rootVerb({
  params: z.object({ sha256: Sha256, limitSeconds: z.number().int().min(5).max(3600) }),
  result: z.object({}),
  limitMs: 60_000,
  group: 'agent',
  async work({ sha256, limitSeconds }, { paths, log, must }) {
    const agents = openAgents(paths, log);
    if (agents.pending()) {
      throw new ProductError(
        'update_running',
        'Another agent has just been put in place and has not confirmed itself yet.',
        'Wait two minutes and try again.',
      );
    }
    const file = agents.fileOf(sha256);
    if (!existsSync(file))
      throw new ProductError('not_found', 'This agent has not been fetched yet.', 'Fetch it first.');
    const got = digestOf(readFileSync(file));
    if (got !== sha256) throw notThisOne(sha256, got);
    const from = agents.current();
    if (from === null) throw new Error('no agent is in use on this machine');
    if (from === sha256) return {};
    agents.begin({ from, to: sha256, limitSeconds });
    // The guard first: from here on nothing may go wrong unguarded.
    await must(['systemctl', 'restart', '--no-block', guardUnit]);
    await must(['systemctl', 'restart', '--no-block', 'claw-agent.service']);
    return {};
  },
});

/** The new agent says that it works. */
export const agentConfirm = rootVerb({
  params: z.object({ sha256: Sha256 }),
  result: z.object({ confirmed: z.boolean() }),
  limitMs: 30_000,
  group: 'agent',
  async work({ sha256 }, { paths, log }) {
    const agents = openAgents(paths, log);
    const pending = agents.pending();
    if (pending?.to !== sha256 || agents.current() !== sha256) return { confirmed: false };
    agents.settle({ from: pending.from, to: sha256, outcome: 'succeeded', reason: null });
    return { confirmed: true };
  },
});

/** Which agent is in use, whether it is still on trial, and how the last switch ended. */
export const agentStatus = rootVerb({
  params: z.object({}),
  result: z.object({
    current: Sha256.nullable(),
    pending: Sha256.nullable(),
    outcome: SwitchOutcome.nullable(),
  }),
  limitMs: 10_000,
  async work(_, { paths, log }) {
    const agents = openAgents(paths, log);
    return { current: agents.current(), pending: agents.pending()?.to ?? null, outcome: agents.outcome() };
  },
});

/** The agent has told of the last switch's end. */
export const agentForget = rootVerb({
  params: z.object({}),
  result: z.object({}),
  limitMs: 10_000,
  group: 'agent',
  async work(_, { paths, log }) {
    openAgents(paths, log).forget();
    return {};
  },
});
