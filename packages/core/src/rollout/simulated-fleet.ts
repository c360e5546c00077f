import type { RolloutStage } from '@claw-cloud/contracts';
import { decide, type RolloutRules, rolloutRules } from './decide.ts';
import { isOffered } from './offered.ts';

export interface SimulatedFleet {
  readonly instances: number;
  /** Of the release's updates, from 0 to 1. */
  readonly failureRate: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** How long owners take to accept an offer, on average. @default 24 hours */
  readonly acceptMs?: number;
  readonly rules?: RolloutRules;
}

export interface SimulatedEnd {
  readonly state: 'halted' | 'done' | 'running';
  readonly stage: RolloutStage;
  readonly offered: number;
  readonly updated: number;
  /** Instances whose update has failed, those included that were under way when it halted. */
  readonly harmed: number;
  readonly days: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** From the owner's yes to the report of the outcome: whoever began before a halt goes on to the end. */
const updateMs = 3 * minuteMs;
const longestMs = 90 * 24 * hourMs;

/**
 * Plays a rollout through, hour by hour and outcome by outcome, with the product's own decisions and nothing random of
 * its own: the same random numbers give the same end.
 */
export function simulateRollout(fleet: SimulatedFleet): SimulatedEnd {
  const { instances, failureRate, random, acceptMs = 24 * hourMs, rules = rolloutRules } = fleet;
  const version = `simulated-${Math.floor(random() * 1e9)}`;
  const ids = Array.from({ length: instances }, (_, at) => `ins_${String(at).padStart(24, '0')}`);
  const rollout = { stage: '1' as RolloutStage, state: 'running' as SimulatedEnd['state'], stageAtMs: 0 };
  const outcomes: { atMs: number; succeeded: boolean }[] = [];
  /** When each update that was begun ends; sorted. */
  let underWay: { atMs: number; succeeded: boolean }[] = [];
  const offered = new Set<string>();

  const offer = (nowMs: number) => {
    for (const id of ids)
      if (!offered.has(id) && isOffered(id, version, rollout.stage)) {
        offered.add(id);
        const acceptedMs = nowMs - Math.log(1 - random()) * acceptMs;
        underWay.push({ atMs: acceptedMs + updateMs, succeeded: random() >= failureRate });
      }
    underWay.sort((one, other) => one.atMs - other.atMs);
  };
  const step = (nowMs: number) => {
    const since = outcomes.filter(({ atMs }) => atMs >= rollout.stageAtMs);
    const next = decide(
      {
        version,
        stage: rollout.stage,
        state: rollout.state,
        reason: null,
        startedAt: new Date(0).toISOString(),
        stageAt: new Date(rollout.stageAtMs).toISOString(),
        outcomes: outcomes.map(({ succeeded }) => succeeded),
        stageSucceeded: since.filter(({ succeeded }) => succeeded).length,
        stageFailed: since.filter(({ succeeded }) => !succeeded).length,
        fleet: instances,
      },
      new Date(nowMs),
      rules,
    );
    if (!next) return;
    if (next.stage !== rollout.stage) rollout.stageAtMs = nowMs;
    Object.assign(rollout, { stage: next.stage, state: next.state });
    if (rollout.state === 'running') offer(nowMs);
  };

  offer(0);
  let nowMs = 0;
  for (let hour = 1; rollout.state === 'running' && nowMs < longestMs; hour += 1) {
    for (let first = underWay[0]; first && first.atMs <= hour * hourMs; first = underWay[0]) {
      underWay.shift();
      outcomes.push(first);
      nowMs = first.atMs;
      step(nowMs);
      if (rollout.state !== 'running') break;
    }
    if (rollout.state !== 'running') break;
    nowMs = hour * hourMs;
    step(nowMs);
  }
  // An offer that is taken back is not accepted any more; an update that has begun is.
  if (rollout.state === 'halted') underWay = underWay.filter(({ atMs }) => atMs <= nowMs + updateMs);
  const ended = [...outcomes, ...underWay];
  return {
    state: rollout.state,
    stage: rollout.stage,
    offered: offered.size,
    updated: ended.length,
    harmed: ended.filter(({ succeeded }) => !succeeded).length,
    days: Math.round((nowMs / (24 * hourMs)) * 10) / 10,
  };
}
