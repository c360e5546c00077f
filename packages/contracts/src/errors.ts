import { z } from 'zod';

/** Every error a person or a program can meet, with its HTTP status. The list is closed: a new error is a new line here. */
export const errorCatalogue = {
  // requests
  invalid_request: { status: 400, retryable: false },
  unauthenticated: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  conflict: { status: 409, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  rate_limited: { status: 429, retryable: true },
  internal: { status: 500, retryable: true },
  unavailable: { status: 503, retryable: true },
  event_id_invalid: { status: 400, retryable: false },
  // credentials
  sealed_box_invalid: { status: 422, retryable: false },
  intake_key_unknown: { status: 409, retryable: true },
  credential_context_mismatch: { status: 422, retryable: false },
  credential_rejected: { status: 422, retryable: false },
  credential_powerless: { status: 422, retryable: false },
  credential_not_ready: { status: 409, retryable: true },
  credential_in_use: { status: 409, retryable: false },
  envelope_damaged: { status: 500, retryable: false },
  // deploying
  instance_busy: { status: 409, retryable: true },
  provider_unavailable: { status: 422, retryable: false },
  region_unknown: { status: 422, retryable: false },
  size_unknown: { status: 422, retryable: false },
  size_too_small: { status: 422, retryable: false },
  size_sold_out: { status: 422, retryable: true },
  price_changed: { status: 409, retryable: false },
  image_unavailable: { status: 422, retryable: true },
  account_unverified: { status: 422, retryable: false },
  billing_missing: { status: 422, retryable: false },
  /** The cloud takes requests from certain addresses only, and ours is not among them. */
  address_not_allowed: { status: 422, retryable: false },
  resize_impossible: { status: 422, retryable: false },
  server_missing: { status: 409, retryable: false },
  resource_locked: { status: 409, retryable: true },
  cloud_maintenance: { status: 503, retryable: true },
  quota_reached: { status: 422, retryable: false },
  cloud_rate_limited: { status: 503, retryable: true },
  cloud_unavailable: { status: 503, retryable: true },
  cloud_account_locked: { status: 422, retryable: false },
  cloud_refused: { status: 422, retryable: false },
  cloud_unexpected: { status: 502, retryable: true },
  engine_unavailable: { status: 503, retryable: true },
  engine_failed: { status: 502, retryable: true },
  user_data_too_large: { status: 422, retryable: false },
  public_address_missing: { status: 422, retryable: false },
  lease_lost: { status: 409, retryable: true },
  destroy_incomplete: { status: 502, retryable: true },
  // the instance
  boot_timeout: { status: 504, retryable: true },
  bootstrap_failed: { status: 502, retryable: true },
  registration_token_invalid: { status: 401, retryable: false },
  registration_token_expired: { status: 410, retryable: false },
  registration_replayed: { status: 409, retryable: false },
  registration_wrong_instance: { status: 403, retryable: false },
  tunnel_key_unknown: { status: 401, retryable: false },
  tunnel_signature_invalid: { status: 401, retryable: false },
  instance_offline: { status: 503, retryable: true },
  instance_not_ready: { status: 409, retryable: true },
  frame_too_large: { status: 413, retryable: false },
  /** The command needs a server of its own; this one is a process of the sandbox. */
  machine_needed: { status: 409, retryable: false },
  gateway_unavailable: { status: 503, retryable: true },
  confirmation_needed: { status: 409, retryable: false },
  // support access
  grant_unknown: { status: 404, retryable: false },
  grant_ended: { status: 403, retryable: false },
  grant_token_invalid: { status: 401, retryable: false },
  // updates and backups
  version_unknown: { status: 422, retryable: false },
  update_failed: { status: 502, retryable: true },
  update_running: { status: 409, retryable: true },
  digest_mismatch: { status: 422, retryable: false },
  backup_unknown: { status: 404, retryable: false },
  backup_damaged: { status: 422, retryable: false },
  disk_full: { status: 507, retryable: false },
  // devices
  device_unknown: { status: 404, retryable: false },
  last_device: { status: 409, retryable: false },
  invite_invalid: { status: 403, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type ErrorCode = keyof typeof errorCatalogue;
export const errorCodes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];

/** Something else that stands in the way: solved one by one, they would be met one by one. */
export const Obstacle = z.object({
  code: z.enum(errorCodes),
  message: z.string().max(2000),
  fix: z.string().max(2000),
  link: z.string().max(500).optional(),
});
export type Obstacle = z.infer<typeof Obstacle>;

/** What went wrong in a long piece of work, in the words of the person who reads it. */
export const Failure = z.object({
  code: z.enum(errorCodes),
  phase: z.string().max(40).optional(),
  retryable: z.boolean(),
  /** True when the cloud may still hold something that bills. */
  resourceMayExist: z.boolean(),
  message: z.string().max(2000),
  fix: z.string().max(2000),
  link: z.string().max(500).optional(),
  /** What stands in the way after this one, in the order in which it must be solved. */
  further: z.array(Obstacle).max(20).optional(),
  /** A redacted tail of the server's log, where there is one. */
  logTail: z.string().max(8000).optional(),
});
export type Failure = z.infer<typeof Failure>;

/** An error answer (RFC 9457 problem details) with the fields of a failure. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(errorCodes),
  fix: z.string(),
  retryable: z.boolean(),
  requestId: z.string(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

export interface ProductErrorOptions {
  phase?: string;
  resourceMayExist?: boolean;
  link?: string;
  further?: Obstacle[];
  /** When the cloud takes requests again, ISO 8601; of `cloud_rate_limited`, where the cloud said so. */
  again?: string;
  logTail?: string;
  issues?: { path: string; message: string }[];
  cause?: unknown;
}

/** An error with a code of the closed list, a message for a person and what to do about it. */
export class ProductError extends Error {
  readonly code: ErrorCode;
  readonly fix: string;
  readonly options: ProductErrorOptions;
  constructor(code: ErrorCode, message: string, fix: string, options: ProductErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProductError';
    this.code = code;
    this.fix = fix;
    this.options = options;
  }
  get status(): number {
    return errorCatalogue[this.code].status;
  }
  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** The first of what stands in the way, with the others in it; they come in the order in which they must be solved. */
export function blockedBy(first: ProductError, others: readonly ProductError[]): ProductError {
  if (others.length === 0) return first;
  const further = others.map(({ code, message, fix, options: { link } }) => ({
    code,
    message,
    fix,
    ...(link === undefined ? {} : { link }),
  }));
  return new ProductError(first.code, first.message, first.fix, { ...first.options, further });
}

/** Turns any error into a failure; one that isn't of the closed list keeps only a generic text. */
export function toFailure(error: unknown, phase?: string, resourceMayExist = false): Failure {
  if (error instanceof ProductError) {
    const at = error.options.phase ?? phase;
    return {
      code: error.code,
      ...(at === undefined ? {} : { phase: at }),
      retryable: error.retryable,
      resourceMayExist: error.options.resourceMayExist ?? resourceMayExist,
      message: error.message,
      fix: error.fix,
      ...(error.options.link === undefined ? {} : { link: error.options.link }),
      ...(error.options.further === undefined ? {} : { further: error.options.further.slice(0, 20) }),
      ...(error.options.logTail === undefined ? {} : { logTail: error.options.logTail }),
    };
  }
  return {
    code: 'internal',
    ...(phase === undefined ? {} : { phase }),
    retryable: true,
    resourceMayExist,
    message: 'Something went wrong on our side.',
    fix: 'Try again. If it happens again, send us the operation id.',
  };
}
