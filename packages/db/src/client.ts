import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { SignJWT } from 'jose';
import { type DatabaseError, toProductError } from './refusals.ts';
import type { DatabaseConfig } from './types.ts';

const ownerTokenSeconds = 60;

export interface Clients {
  /** Sees and does everything: only for the private functions. */
  readonly service: SupabaseClient;
  /** Bound to one owner by a token that row-level security checks. */
  owner(ownerId: string): SupabaseClient;
}

export function createClients(config: DatabaseConfig): Clients {
  const timeoutMs = config.timeoutMs ?? 10_000;
  const send = config.fetch ?? fetch;
  const options = {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: {
      fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> => {
        const timeout = AbortSignal.timeout(timeoutMs);
        const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
        return send(input, { ...init, signal });
      },
    },
  };
  const key = new TextEncoder().encode(config.jwtSecret);
  return {
    service: createClient(config.url, config.secretKey, options),
    owner: (ownerId) =>
      createClient(config.url, config.publishableKey, {
        ...options,
        accessToken: () =>
          new SignJWT({ role: 'authenticated' })
            .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
            .setSubject(ownerId)
            .setIssuedAt()
            .setExpirationTime(`${ownerTokenSeconds}s`)
            .sign(key),
      }),
  };
}

interface Answer {
  readonly data: unknown;
  readonly error: DatabaseError | null;
  readonly status: number;
}

/** The answer's data; raises a ProductError when the endpoint refused or did not answer. */
export async function answerOf<T>(request: PromiseLike<Answer>): Promise<T> {
  const { data, error, status } = await request;
  if (error) throw toProductError(error, status);
  return data as T;
}
