import { type ErrorCode, errorCatalogue, Problem } from '@claw-cloud/contracts';

/**
 * An error of the control plane as its client meets it: `message` says what happened, `fix` what to do,
 * `requestId` is what support asks for (null where no answer came).
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly fix: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly issues: readonly { path: string; message: string }[];

  constructor(problem: {
    code: ErrorCode;
    message: string;
    fix: string;
    status?: number;
    retryable?: boolean;
    requestId?: string | null;
    issues?: readonly { path: string; message: string }[];
    cause?: unknown;
  }) {
    super(problem.message, problem.cause === undefined ? undefined : { cause: problem.cause });
    this.code = problem.code;
    this.fix = problem.fix;
    this.status = problem.status ?? errorCatalogue[problem.code].status;
    this.retryable = problem.retryable ?? errorCatalogue[problem.code].retryable;
    this.requestId = problem.requestId ?? null;
    this.issues = problem.issues ?? [];
  }
}

/** Whether a thrown value is a {@link ProblemError}, and optionally of one code. */
export function isProblem(error: unknown, code?: ErrorCode): error is ProblemError {
  return error instanceof ProblemError && (code === undefined || error.code === code);
}

/** The error of an answer that is not a success; reads its body (problem details, RFC 9457). */
export async function problemOf(response: Response): Promise<ProblemError> {
  const requestId = response.headers.get('x-request-id');
  const parsed = Problem.safeParse(await response.json().catch(() => null));
  if (parsed.success) {
    const { code, detail, fix, status, retryable, issues } = parsed.data;
    return new ProblemError({
      code,
      message: detail,
      fix,
      status,
      retryable,
      requestId: parsed.data.requestId,
      ...(issues === undefined ? {} : { issues }),
    });
  }
  return new ProblemError({ ...byStatus(response.status), status: response.status, requestId });
}

/** For answers of something between here and the api (a proxy), which knows nothing of our codes. */
function byStatus(status: number): { code: ErrorCode; message: string; fix: string } {
  if (status === 401)
    return { code: 'unauthenticated', message: 'You are not signed in.', fix: 'Sign in again.' };
  if (status === 404)
    return { code: 'not_found', message: 'There is nothing at this address.', fix: 'Go back and try again.' };
  if (status === 429)
    return {
      code: 'rate_limited',
      message: 'Too many requests in a short time.',
      fix: 'Wait a moment, then try again.',
    };
  if (status === 413)
    return { code: 'payload_too_large', message: 'What was sent is too large.', fix: 'Send less at once.' };
  if (status >= 500)
    return {
      code: 'unavailable',
      message: `The control plane could not answer (HTTP ${status}).`,
      fix: 'Try again in a moment. Your servers keep running meanwhile.',
    };
  return {
    code: 'invalid_request',
    message: `The control plane refused the request (HTTP ${status}).`,
    fix: 'Reload the page and try again.',
  };
}

/** The error for a request that got no answer at all. */
export function unreachable(cause: unknown): ProblemError {
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
  return new ProblemError({
    code: 'unavailable',
    message: timedOut
      ? 'The control plane took too long to answer.'
      : 'The control plane could not be reached.',
    fix: 'Check your connection, then try again. Your servers keep running meanwhile.',
    cause,
  });
}

/** The error for an answer that is not of the form both sides agreed on. */
export function misshapen(cause: unknown, requestId: string | null): ProblemError {
  return new ProblemError({
    code: 'internal',
    message: 'The control plane answered in a form this version does not know.',
    fix: 'Reload the page to get the current version.',
    requestId,
    cause,
  });
}
