import { randomUUID } from 'node:crypto';

/** The caller's request id where it is of a form that is safe to log and to send back, else a new one. */
export const requestId = (given: string | undefined): string =>
  given !== undefined && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : randomUUID();
