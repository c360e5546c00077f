import { createSpecValidator, type SpecValidator, type SpecViolation } from '../../spec/spec-validator.ts';

/** The vendor's Go client leaves the ports of a rule for ICMP out, as its documentation for Terraform does. */
const icmpWithoutPorts =
  /^(\/(in|out)bound_rules\/\d+ must have required property 'ports'; )+\/(in|out)bound_rules must be null; \/(in|out)bound_rules must match a schema in anyOf$/;

/** What DigitalOcean's own Go client sends and the API takes, beyond the description. */
function isKnownDeviation({ operation, where, message }: SpecViolation): boolean {
  if (where !== 'request') return false;
  // A list of no keys is written as null.
  if (operation === 'POST /v2/droplets') return message.startsWith('/ssh_keys must be array');
  return /^(POST|PUT) \/v2\/firewalls/.test(operation) && icmpWithoutPorts.test(message);
}

/** Holds requests and answers against DigitalOcean's own description. Throws when the file can't be read. */
export function createDigitalOceanSpec(specPath: string): SpecValidator {
  return createSpecValidator(specPath, { prefix: '', undocumentedQuery: {}, isKnownDeviation });
}
