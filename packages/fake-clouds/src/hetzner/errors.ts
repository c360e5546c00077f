import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

const STATUS = {
  unauthorized: 401,
  token_readonly: 403,
  forbidden: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  conflict: 409,
  uniqueness_error: 409,
  resource_in_use: 409,
  resource_unavailable: 412,
  placement_error: 412,
  invalid_input: 422,
  json_error: 400,
  invalid_server_type: 422,
  server_not_stopped: 422,
  firewall_resource_not_found: 404,
  firewall_already_removed: 422,
  protected: 403,
  locked: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  maintenance: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

/** The vendor's error codes that this cloud can answer. */
export type HetznerErrorCode = keyof typeof STATUS;

/** The vendor's error body with its HTTP status, as a plain answer. */
export function errorResponse(
  code: HetznerErrorCode,
  message: string,
  details: Record<string, unknown> | null = null,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error: { code, message, details } }, { status: STATUS[code], headers });
}

/** An error to throw inside a route; the app answers with the vendor's body. */
export function apiError(
  code: HetznerErrorCode,
  message: string,
  details: Record<string, unknown> | null = null,
): HTTPException {
  return new HTTPException(STATUS[code], { message, res: errorResponse(code, message, details) });
}

/** 422 `invalid_input` that names the field, the way the vendor does. */
export function invalidField(name: string, message: string): HTTPException {
  return apiError('invalid_input', `invalid input in field '${name}'`, {
    fields: [{ name, messages: [message] }],
  });
}
