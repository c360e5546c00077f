import { type ErrorCode, errorCatalogue, type Problem, ProductError } from '@claw-cloud/contracts';
import { HTTPException } from 'hono/http-exception';

export const problemType = 'application/problem+json';

/** Words for errors that the server raises by itself, before any verb is reached. */
const plain = {
  invalid_request: ['The request is not valid.', 'Check what was sent against /docs.'],
  not_found: ['There is nothing at this address.', 'Check the address.'],
  payload_too_large: ['What was sent is larger than 256 KiB.', 'Send less at once.'],
  internal: ['Something went wrong on our side.', 'Try again. If it happens again, send us the request id.'],
} as const satisfies Partial<Record<ErrorCode, readonly [string, string]>>;

/** An error of the server itself with its usual words. */
export function plainError(code: keyof typeof plain): ProductError {
  const [message, fix] = plain[code];
  return new ProductError(code, message, fix);
}

/** What an error of any kind is called on the wire; null for one nobody foresaw. */
export function toProductError(error: unknown): ProductError | null {
  if (error instanceof ProductError) return error;
  if (error instanceof HTTPException) {
    if (error.status === 413) return plainError('payload_too_large');
    if (error.status === 404) return plainError('not_found');
    if (error.status < 500)
      return new ProductError(
        'invalid_request',
        'The body is not valid JSON.',
        'Send JSON, with content-type application/json.',
      );
  }
  return null;
}

/** The body of an error answer (RFC 9457). */
export function problemBody(error: ProductError, requestId: string): Problem {
  const { status, retryable } = errorCatalogue[error.code];
  return {
    type: `urn:claw-cloud:problem:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status,
    detail: error.message,
    code: error.code,
    fix: error.fix,
    retryable,
    requestId,
    ...(error.options.issues === undefined ? {} : { issues: error.options.issues.slice(0, 20) }),
  };
}

/** An error as an HTTP answer. */
export function problemResponse(
  error: ProductError,
  requestId: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(problemBody(error, requestId)), {
    status: error.status,
    headers: { 'content-type': problemType, 'cache-control': 'no-store', ...headers },
  });
}
