import { ProductError } from '@claw-cloud/contracts';

/** An answer that is neither 2xx nor 404, as a cloud's error mapping sees it. */
export interface RefusedAnswer {
  readonly status: number;
  /** The body where it is a JSON object. For codes and ids alone: its texts may quote a request. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Headers;
  /** When the cloud said that it takes requests again; null when it didn't. */
  readonly again: Date | null;
  /** The cloud's own id of this exchange, to be named to its support and ours; null when it sent none. */
  readonly reference: string | null;
}

const referenceHeaders = ['x-correlation-id', 'x-request-id', 'request-id'];
const referenceShape = /^[A-Za-z0-9._:-]{1,100}$/;

/** The cloud's id of an exchange: of its headers, or of `request_id` in the body. */
export function referenceOf(
  headers: Headers,
  body: Readonly<Record<string, unknown>> | undefined,
): string | null {
  const given = [...referenceHeaders.map((name) => headers.get(name)), body?.request_id];
  return given.find((id): id is string => typeof id === 'string' && referenceShape.test(id)) ?? null;
}

const mostRequestedMs = 24 * 3_600_000;

/**
 * When an answer asks to be asked again: `Retry-After` (seconds or a date), or `RateLimit-Reset` (a Unix time) where
 * nothing remains or the answer is 429. At most a day away: more is nonsense.
 */
export function askedAgain(status: number, headers: Headers, now: Date): Date | null {
  const bounded = (ms: number) =>
    new Date(Math.min(Math.max(ms, now.getTime()), now.getTime() + mostRequestedMs));
  const after = headers.get('retry-after');
  if (after !== null && after.trim() !== '') {
    const seconds = Number(after);
    const at = Number.isFinite(seconds) ? now.getTime() + seconds * 1000 : Date.parse(after);
    if (Number.isFinite(at)) return bounded(at);
  }
  const reset = Number(headers.get('ratelimit-reset') ?? headers.get('x-ratelimit-reset') ?? Number.NaN);
  const spent = status === 429 || headers.get('ratelimit-remaining') === '0';
  return spent && Number.isFinite(reset) && reset > 0 ? bounded(reset * 1000) : null;
}

/** The time of day at which a limit ends, for a person: `14:05 UTC`, or null where the cloud doesn't say. */
export function clockTime(again: Date | null): string | null {
  return again && `${again.toISOString().slice(11, 16)} UTC`;
}

/** The error for an answer that nobody foresaw: a generic fix, and the reference by which it is found again. */
export function unknownAnswer(cloud: string, answer: RefusedAnswer, vendorCode?: string): ProductError {
  const { status, reference } = answer;
  return new ProductError(
    'cloud_unexpected',
    `${cloud} answered with something we don't understand (${vendorCode ?? `HTTP ${status}`}).`,
    `Try again. If it stays, tell us${reference ? `, with the reference ${reference}` : ''}: ${cloud} may have changed its interface.`,
    { cause: { vendorCode: vendorCode ?? null, status, reference } },
  );
}

/** The error for an answer that can't be read at all. */
export function unreadable(what: string): ProductError {
  return new ProductError(
    'cloud_unexpected',
    `The cloud answered in a way we don't understand: ${what}.`,
    'Try again. If it stays, tell us: the cloud may have changed its interface.',
  );
}
