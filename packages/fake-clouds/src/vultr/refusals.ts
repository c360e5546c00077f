import type { RefusalKind } from '../faults/middleware.ts';
import { errorResponse, texts } from './errors.ts';

/** An address of the documentation range, for a refusal by address that a fault makes up. */
const strangeAddress = '203.0.113.9';

/** The vendor's answer for a fault; undefined for what this cloud doesn't know. */
export function refusal(kind: RefusalKind): Response | undefined {
  switch (kind) {
    case 'quota':
      return errorResponse(400, texts.limit);
    case 'rate_limit':
      return errorResponse(429, texts.rateLimit);
    case 'unauthorized':
      return errorResponse(401, texts.badKey);
    case 'address_not_allowed':
      return errorResponse(401, texts.badAddress(strangeAddress));
    case 'forbidden':
      return errorResponse(403, 'Forbidden.');
    case 'account_locked':
      return errorResponse(403, 'This account is suspended.');
    case 'billing_missing':
      return errorResponse(400, 'Server add failed: Please add a valid payment method to your account.');
    case 'locked':
      return errorResponse(500, texts.locked);
    case 'maintenance':
      return errorResponse(503, 'Service unavailable.');
    case 'error_before_effect':
      return errorResponse(500, 'Internal server error.');
    default:
      return undefined;
  }
}
