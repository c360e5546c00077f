import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

const ids: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  402: 'payment_required',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  422: 'unprocessable_entity',
  429: 'too_many_requests',
  500: 'server_error',
  503: 'service_unavailable',
};

/** The vendor's error body: an id that repeats the status, and a text that says what is meant. */
export function errorResponse(
  status: ContentfulStatusCode,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ id: ids[status] ?? 'error', message }, { status, headers });
}

/** An error to throw inside a route; the app answers with the vendor's body. */
export function apiError(status: ContentfulStatusCode, message: string): HTTPException {
  return new HTTPException(status, { message, res: errorResponse(status, message) });
}

export const notFound = () => apiError(404, 'The resource you were accessing could not be found.');
export const unprocessable = (message: string) => apiError(422, message);
export const pendingEvent = () => unprocessable('Droplet already has a pending event.');
export const overLimit = 'creating this/these droplet(s) will exceed your droplet limit';
