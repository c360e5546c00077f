import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { FaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import type { ActionEngine } from './actions.ts';
import type { Catalogue } from './catalogue.ts';
import { apiError } from './errors.ts';
import type { AccountState, HistoryEntry, TokenGrant } from './state.ts';

/** What every route works with. */
export interface CloudParts {
  readonly catalogue: Catalogue;
  readonly machines: MachineDriver;
  readonly faults: FaultBoard;
  readonly actions: ActionEngine;
  readonly history: HistoryEntry[];
  readonly now: () => Date;
  readonly nextId: () => number;
  readonly uuid: () => string;
}

export interface CloudEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    account: AccountState;
    grant: TokenGrant;
    /** What the request would make. */
    makes: 'server' | 'firewall' | undefined;
    /** SHA-256 prefix of the caller's token, for the request log. */
    tokenMark: string;
  };
}

export type CloudContext = Context<CloudEnv>;

/** ISO time without milliseconds, as the vendor writes it. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
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
    // Told below like any other body that is no object.
  }
  throw apiError(400, 'error parsing request body');
}

/** A list of texts; an empty one where the field is absent or null. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

/** A list of whole numbers; an empty one where the field is absent or null. */
export function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((entry): entry is number => Number.isInteger(entry)) : [];
}
