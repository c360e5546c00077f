import { type ErrorCode, errorCatalogue, type Problem } from '@claw-cloud/contracts';
import { z } from 'zod';

const LibraryError = z.object({ code: z.string().optional(), message: z.string().optional() });

type Words = readonly [code: ErrorCode, detail: string, fix: string];

/** The library's codes in our words; one that isn't here falls back to its status. */
const byCode: Readonly<Record<string, Words>> = {
  INVALID_EMAIL_OR_PASSWORD: [
    'unauthenticated',
    'The e-mail address and the password do not belong together.',
    'Check both, or create an account.',
  ],
  INVALID_EMAIL: [
    'invalid_request',
    'That is not an e-mail address.',
    'Type an address like you@example.com.',
  ],
  PASSWORD_TOO_SHORT: ['invalid_request', 'The password is too short.', 'Use 10 characters or more.'],
  PASSWORD_TOO_LONG: ['invalid_request', 'The password is too long.', 'Use at most 200 characters.'],
  INVALID_PASSWORD: [
    'invalid_request',
    'The current password is not right.',
    'Type your current password again.',
  ],
  USER_ALREADY_EXISTS: [
    'conflict',
    'There is an account with this e-mail address already.',
    'Sign in instead.',
  ],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: [
    'conflict',
    'There is an account with this e-mail address already.',
    'Sign in instead.',
  ],
  INVALID_TOKEN: [
    'unauthenticated',
    'This sign-in link was used before or has ended.',
    'Sign in with e-mail and password, or make a new link.',
  ],
};

function byStatus(status: number, origin: string): Words {
  switch (status) {
    case 401:
      return ['unauthenticated', 'You are not signed in, or your session has ended.', 'Sign in again.'];
    case 403:
      return [
        'forbidden',
        'Sign-in from this page is not allowed.',
        `Open the dashboard at ${origin} and sign in there.`,
      ];
    case 404:
      return ['not_found', 'There is nothing at this address.', 'Check the address.'];
    case 405:
      return ['method_not_allowed', 'This address does not take that method.', 'Check the method.'];
    case 409:
    case 422:
      return ['conflict', 'The account can not be changed like this.', 'Check what you typed.'];
    case 429:
      return ['rate_limited', 'Too many tries in a short time.', 'Wait a minute, then try again.'];
  }
  if (status < 500)
    return ['invalid_request', 'What was sent is not complete or not valid.', 'Check what you typed.'];
  return [
    'internal',
    'Something went wrong on our side.',
    'Try again. If it happens again, send us the request id.',
  ];
}

/** The library's error as problem details of our closed list; none of its own text goes on. */
export async function asProblem(
  answer: Response,
  about: { requestId: string; origin: string },
): Promise<Response> {
  const parsed = LibraryError.safeParse(await answer.json().catch(() => null));
  const libraryCode = parsed.success ? codeOf(parsed.data) : '';
  const words = Object.hasOwn(byCode, libraryCode) ? byCode[libraryCode] : undefined;
  const [code, detail, fix] = words ?? byStatus(answer.status, about.origin);
  const { status, retryable } = errorCatalogue[code];
  const problem: Problem = {
    type: `urn:claw-cloud:problem:${code}`,
    title: code.replaceAll('_', ' '),
    status,
    detail,
    code,
    fix,
    retryable,
    requestId: about.requestId,
  };
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  const retryAfter = answer.headers.get('x-retry-after');
  if (retryAfter !== null && /^\d{1,6}$/.test(retryAfter)) headers.set('retry-after', retryAfter);
  for (const cookie of answer.headers.getSetCookie()) headers.append('set-cookie', cookie);
  return new Response(JSON.stringify(problem), { status, headers });
}

/** The one-time-token plugin gives a message where the rest gives a code. */
function codeOf({ code, message }: z.infer<typeof LibraryError>): string {
  if (message !== undefined && /^(invalid token|token expired|session (not found|expired))$/i.test(message))
    return 'INVALID_TOKEN';
  return code ?? '';
}

/**
 * The answer without the session's cookie value, which the library repeats in the body: the cookie is HttpOnly so
 * that no script of a page ever holds it.
 */
export async function withoutSessionTokens(answer: Response): Promise<Response> {
  const body: unknown = await answer.json().catch(() => null);
  const headers = new Headers(answer.headers);
  headers.delete('content-length');
  headers.delete('set-auth-jwt');
  headers.set('cache-control', 'no-store');
  return new Response(JSON.stringify(strip(body)), { status: answer.status, headers });
}

function strip(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (key === 'token' ? [] : [[key, strip(inner)]])),
  );
}
