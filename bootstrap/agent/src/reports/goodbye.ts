import type { Reports } from './reports.ts';

/** The machine goes to its owner whether or not anybody there has heard. */
const limitMs = 10_000;

/** Says goodbye to the control plane; resolves with whether it has acknowledged within ten seconds. */
export function sayGoodbye({
  report,
  onAcknowledged,
}: Pick<Reports, 'report' | 'onAcknowledged'>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limitMs);
  const off = onAcknowledged(({ kind }) => {
    if (kind === 'goodbye') resolve(true);
  });
  report({ kind: 'goodbye' });
  return promise.finally(() => {
    clearTimeout(timer);
    off();
  });
}
