/**
 * What of the local issuer answers, under /auth: whatever else the library or a plugin of it offers stays closed, so
 * an upgrade opens nothing by itself.
 */
export const localPaths: Readonly<Record<string, 'GET' | 'POST'>> = {
  '/auth/sign-up/email': 'POST',
  '/auth/sign-in/email': 'POST',
  '/auth/sign-out': 'POST',
  '/auth/change-password': 'POST',
  '/auth/one-time-token/verify': 'POST',
  '/auth/get-session': 'GET',
  '/auth/token': 'GET',
  '/auth/jwks': 'GET',
};
