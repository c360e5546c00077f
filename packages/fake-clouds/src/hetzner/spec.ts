import type { SpecValidatorOptions } from '../spec/spec-validator.ts';

/** What Hetzner takes although its description does not say so. */
export const hetznerSpec: SpecValidatorOptions = {
  prefix: '/v1',
  // The vendor's Go client sorts and pages these, which the description of `/actions` leaves out.
  undocumentedQuery: { 'GET /actions': ['status', 'sort', 'page', 'per_page'] },
  // The vendor's Go client names an image by its number, which the API takes.
  isKnownDeviation: ({ operation, where, message }) =>
    operation === 'POST /servers' && where === 'request' && message === '/image must be string',
};
