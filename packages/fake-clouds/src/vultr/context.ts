import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { FaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import type { Catalogue } from './catalogue.ts';
import { apiError } from './errors.ts';
import type { AccountState, KeyGrant, openState } from './state.ts';

/** Per-account limits. */
export interface AccountLimits {
  servers: number;
  requestsPerHour: number;
  /** Rows of a list's page at most; the vendor's is 500. */
  pageSize: number;
}

/** What every route works with. */
export interface CloudParts {
  catalogue: Catalogue;
  store: ReturnType<typeof openState>;
  machines: MachineDriver;
  faults: FaultBoard;
  limits: AccountLimits;
  actionMs: number;
  /** What a missing server is answered with: the vendor has changed the wording. */
  goneText: string;
  now: () => Date;
  newId: () => string;
  randomText: (length: number) => string;
  log: (line: string) => void;
}

export interface CloudEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    accountName: string;
    account: AccountState;
    grant: KeyGrant;
    /** SHA-256 prefix of the caller's key, for the request log. */
    keyMark: string;
  };
}

export type CloudContext = Context<CloudEnv>;

/** ISO time without milliseconds and with an offset, as the vendor writes it. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}+00:00`;
}

/** The body as an object; 400 when it is none. */
export async function readObject(c: CloudContext): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  if (text.trim() === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>;
  } catch {
    // answered below
  }
  throw apiError(400, 'Bad request.');
}

export const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A text field; empty when absent. 400 when it is something else or longer than `max`. */
export function textField(body: Record<string, unknown>, name: string, max = 255): string {
  const value = body[name] ?? '';
  if (typeof value !== 'string' || value.length > max) throw apiError(400, `Invalid ${name}.`);
  return value;
}

/** A list of texts; undefined when absent. */
export function textsField(body: Record<string, unknown>, name: string): string[] | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string' && entry.length <= 255))
    throw apiError(400, `Invalid ${name}.`);
  return value;
}
