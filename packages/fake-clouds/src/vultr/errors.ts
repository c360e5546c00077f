import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** The vendor's error body: a text and the status once more. There are no codes. */
export function errorResponse(status: ContentfulStatusCode, error: string): Response {
  return Response.json({ error, status }, { status });
}

/** An error to throw inside a route; the app answers with the vendor's body. */
export function apiError(status: ContentfulStatusCode, error: string): HTTPException {
  return new HTTPException(status, { message: error, res: errorResponse(status, error) });
}

/** Texts as people met them, in issues of the vendor's own clients; where none was found, the status alone is known. */
export const texts = {
  badKey: 'Invalid API token.',
  badAddress: (address: string) => `Unauthorized IP address: ${address}`,
  rateLimit: 'rate limit exceeded',
  limit:
    'Server add failed: You have reached the maximum number of active virtual machines for this account. For security reasons, please contact our support team to have the limit raised',
  badPlan: 'Invalid plan chosen.',
  locked: 'Unable to destroy server: Unable to remove VM: Server is currently locked',
  badFormat: 'invalid resource format',
  noRule: 'Firewall rule ID not found.',
} as const;
