export const faultTargets = ['apt', 'npm', 'dns', 'host'] as const;
export type FaultTarget = (typeof faultTargets)[number];
export type FaultKind = 'refuse' | 'hang' | '500' | 'half' | 'wrong-bytes';

/** What is broken in the machines' world at the moment. */
export interface FaultBoard {
  /** The fault that meets the next request to `target`; counts it. */
  take(target: FaultTarget): FaultKind | undefined;
  /** Whether `target` is broken, without counting. */
  see(target: FaultTarget): FaultKind | undefined;
  break(target: FaultTarget | 'all', how: FaultKind, times?: number): void;
  mend(target?: FaultTarget | 'all'): void;
  /** Tells of every change. */
  onChange(listener: () => void): void;
}

/** A board on which nothing is broken. */
export function createFaultBoard(): FaultBoard {
  const broken = new Map<FaultTarget, { how: FaultKind; left: number }>();
  const listeners: (() => void)[] = [];
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const each = (target: FaultTarget | 'all') => (target === 'all' ? faultTargets : [target]);
  return {
    take(target) {
      const fault = broken.get(target);
      if (!fault) return undefined;
      fault.left -= 1;
      if (fault.left <= 0) broken.delete(target);
      return fault.how;
    },
    see: (target) => broken.get(target)?.how,
    break(target, how, times = Number.POSITIVE_INFINITY) {
      for (const one of each(target)) broken.set(one, { how, left: times });
      changed();
    },
    mend(target = 'all') {
      for (const one of each(target)) broken.delete(one);
      changed();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
