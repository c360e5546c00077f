import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { FaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import type { ActionEngine } from './actions.ts';
import type { Catalogue } from './catalogue.ts';
import { apiError, invalidField } from './errors.ts';
import type { Powers, ProjectState, StateStore } from './state.ts';

/** Per-project limits; the vendor's new accounts start at about this size. */
export interface ProjectLimits {
  servers: number;
  primaryIps: number;
  /** Requests per hour and project; refilled evenly, as the vendor does. */
  requestsPerHour: number;
}

/** What every route works with. */
export interface CloudParts {
  catalogue: Catalogue;
  store: StateStore;
  machines: MachineDriver;
  faults: FaultBoard;
  actions: ActionEngine;
  limits: ProjectLimits;
  now: () => Date;
  /** `length` characters of [0-9A-Za-z]. */
  randomText: (length: number) => string;
}

export interface CloudEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    projectName: string;
    project: ProjectState;
    powers: Powers;
    /** SHA-256 prefix of the caller's token, for the request log. */
    tokenMark: string;
    faultKind: string | undefined;
    omitDatacenter: boolean;
  };
}

export type CloudContext = Context<CloudEnv>;

/** ISO time without milliseconds, as the vendor writes it. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The body as an object; `json_error` when it is not JSON, `invalid_input` when it is no object. */
export async function readObject(c: CloudContext): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  if (text.trim() === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw apiError('json_error', 'invalid JSON in request body');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw apiError('invalid_input', 'invalid input: the body must be an object');
  }
  return body as Record<string, unknown>;
}

/** The row the path's id names, or the vendor's `not_found`. */
export function byId<Row extends { id: number }>(
  c: CloudContext,
  rows: Row[],
  what: string,
  parameter = 'id',
): Row {
  const id = Number(c.req.param(parameter));
  const row = rows.find((candidate) => candidate.id === id);
  if (!row) throw apiError('not_found', `${what} with ID '${c.req.param(parameter)}' not found`);
  return row;
}

/** A non-empty text field of at most `max` characters. */
export function textField(body: Record<string, unknown>, name: string, max: number): string {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw invalidField(name, 'Missing data for required field.');
  if (value.length > max) throw invalidField(name, `Longer than maximum length ${max}.`);
  return value;
}
