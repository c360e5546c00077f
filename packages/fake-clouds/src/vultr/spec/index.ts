import { createSpecValidator, type SpecValidator, type SpecViolation } from '../../spec/spec-validator.ts';

/** What Vultr says beyond its description: no error's body and few of their statuses, though all have the same body. */
function isKnownDeviation({ operation, where, message }: SpecViolation): boolean {
  if (where === 'status') return /^[45]\d\d is not described$/.test(message);
  // Prices have cents, and some plans cost 2.50 a month.
  const price =
    operation === 'GET /plans' && /^(\/plans\/\d+\/monthly_cost must be integer(; )?)+$/.test(message);
  return where === 'response' && (price || message === 'a body where none is described');
}

/** Holds requests and answers against Vultr's own description. Throws when the file can't be read. */
export function createVultrSpec(specPath: string): SpecValidator {
  return createSpecValidator(specPath, { prefix: '/v2', undocumentedQuery: {}, isKnownDeviation });
}
