/** Sockets that may prove themselves at the same time; more are turned away and told when to come again. */
export const maxUnproven = 500;
/** However long the queue: an agent that hears nothing for longer would better ask again. */
const longestWaitMs = 120_000;
const fastestPerSecond = 1000;
const slowestPerSecond = 20;

export interface AdmissionOptions {
  /** In milliseconds, never going back. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** @default 500 */
  readonly limit?: number;
}

export type Admission =
  | {
      readonly admitted: true /** Call it once, when the socket has proven itself or failed to. */;
      done(): void;
    }
  | { readonly admitted: false; readonly retryAfterMs: number };

/**
 * Who may prove itself now, when everybody comes at once, e.g. after a restart of an api with thousands of tunnels.
 * Each one that is turned away gets a later place in a queue that nobody keeps: at the speed at which sockets have been
 * proven lately, so that they come back as evenly as they can be taken.
 */
export function createAdmission({ now, random, limit = maxUnproven }: AdmissionOptions): () => Admission {
  let unproven = 0;
  let perSecond = 100;
  let lastDone = now();
  /** When the next one that is turned away may come. */
  let nextPlace = 0;

  const done = () => {
    unproven -= 1;
    const at = now();
    const seconds = Math.max((at - lastDone) / 1000, 1 / fastestPerSecond);
    lastDone = at;
    // A quiet minute says nothing about the speed: only what is done under pressure does.
    if (unproven >= limit / 2) perSecond += (1 / seconds - perSecond) * 0.02;
    perSecond = Math.min(Math.max(perSecond, slowestPerSecond), fastestPerSecond);
  };

  return () => {
    if (unproven < limit) {
      unproven += 1;
      return { admitted: true, done };
    }
    const at = now();
    nextPlace = Math.max(nextPlace, at + (limit / perSecond) * 1000) + 1000 / perSecond;
    // At the end of the queue those above the limit are spread out, or they would all come in its last moment.
    const waitMs = nextPlace - at;
    if (waitMs <= longestWaitMs) return { admitted: false, retryAfterMs: Math.round(waitMs) };
    return { admitted: false, retryAfterMs: Math.round(longestWaitMs * (0.5 + random() / 2)) };
  };
}
