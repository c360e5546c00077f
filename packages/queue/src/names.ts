import { ProductError } from '@claw-cloud/contracts';

export const defaultQueueName = 'claw';

export function queueName(name = defaultQueueName): string {
  if (!/^[a-z0-9-]{1,60}$/.test(name)) throw new TypeError('a queue name is 1 to 60 of a-z, 0-9 and -');
  return name;
}

/** What may be logged and stored of an error: its kind, not its text, which may quote an address or a secret. */
export function describe(error: unknown): string {
  if (error instanceof ProductError) return error.code;
  if (!(error instanceof Error)) return 'an error';
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(code) ? `${error.name} ${code}` : error.name;
}

/** Resolves like the work; raises `unavailable` when it fails or takes longer. */
export async function orUnavailable<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw new ProductError('unavailable', 'The queue does not answer.', 'Try again in a moment.', {
      cause: new Error(describe(error)),
    });
  } finally {
    clearTimeout(timer);
  }
}
