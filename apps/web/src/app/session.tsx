import type { Me, PublicConfig } from '@claw-cloud/contracts';
import { type ApiClient, createApiClient, isProblem, type Keyring } from '@claw-cloud/owner-client/api';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type AuthPort, loadAuth } from '../auth/port.ts';
import { loadOwnerClient, openKeyring } from '../keys/owner.ts';

/** The person who is signed in, and what acts in their name. */
export interface Owner extends Me {
  readonly api: ApiClient;
  /** This browser's keys; opened at first use, with the encryption library. */
  keyring(): Promise<Keyring>;
}

export type SessionState =
  | { readonly status: 'starting' }
  | { readonly status: 'broken'; readonly error: unknown }
  | { readonly status: 'signed-out'; readonly auth: AuthPort; readonly error?: unknown }
  | {
      readonly status: 'signed-in';
      readonly auth: AuthPort;
      readonly config: PublicConfig;
      readonly owner: Owner;
    };

interface SessionValue {
  readonly state: SessionState;
  signOut(): Promise<void>;
  /** A request was refused for want of a session: it has ended. */
  ended(): void;
  restart(): void;
}

const SessionContext = createContext<SessionValue | null>(null);

export function useSession(): SessionValue {
  const value = use(SessionContext);
  if (!value) throw new Error('useSession needs a SessionProvider above it.');
  return value;
}

/** The signed-in owner; only below pages that require one. */
export function useOwner(): Owner {
  const { state } = useSession();
  if (state.status !== 'signed-in') throw new Error('useOwner needs somebody to be signed in.');
  return state.owner;
}

/** What this installation offers; only below pages that require an owner. */
export function useConfig(): PublicConfig {
  const { state } = useSession();
  if (state.status !== 'signed-in') throw new Error('useConfig needs somebody to be signed in.');
  return state.config;
}

/** The name a person knows a cloud by; its id where this installation no longer offers it. */
export function useCloudName(id: string): string {
  return useConfig().providers.find((provider) => provider.id === id)?.name ?? id;
}

/** Whether a cloud is a pretended one. */
export function useIsSandbox(id: string): boolean {
  return useConfig().providers.some((provider) => provider.id === id && provider.sandbox);
}

/** Exchanges a sign-in link, and takes its keys if they are those of the very owner it signs in. */
async function enterByLink(auth: AuthPort, link: string): Promise<void> {
  const { parseSignInLink } = await loadOwnerClient();
  const parts = await parseSignInLink(link);
  if (!parts || !auth.followLink) throw linkBroken();
  await auth.followLink(parts.link);
  if (!parts.keys) return;
  const me = await createApiClient({ baseUrl: '', getToken: auth.session.getToken }).me();
  // A link must not plant its maker's keys in somebody else's keyring.
  if (parts.keys.ownerId === me.ownerId) await (await openKeyring(me.ownerId)).import(parts.keys);
}

const linkBroken = () =>
  Object.assign(new Error('This sign-in link is incomplete.'), {
    code: 'sign_in_link_invalid',
    fix: 'Copy the whole link again, or ask for a new one.',
  });

/** Knows who is signed in. `link` is a sign-in link's fragment, taken off the address before anything ran. */
export function SessionProvider({ link, children }: { link: string | null; children: ReactNode }) {
  const [state, setState] = useState<SessionState>({ status: 'starting' });
  const [attempt, setAttempt] = useState(0);
  const queries = useQueryClient();
  const linkLeft = useRef(link);
  const keyrings = useRef(new Map<string, Promise<Keyring>>());

  const enter = useCallback(async (auth: AuthPort, config: PublicConfig): Promise<void> => {
    const api = createApiClient({ baseUrl: '', getToken: auth.session.getToken });
    const me = await api.me();
    const keyring = () => {
      const known = keyrings.current.get(me.ownerId);
      if (known) return known;
      const opening = openKeyring(me.ownerId);
      keyrings.current.set(me.ownerId, opening);
      opening.catch(() => keyrings.current.delete(me.ownerId));
      return opening;
    };
    setState({ status: 'signed-in', auth, config, owner: { ...me, api, keyring } });
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` starts it over.
  useEffect(() => {
    let stale = false;
    let off = () => {};
    const start = async () => {
      const open = createApiClient({
        baseUrl: '',
        getToken: () => Promise.reject(new Error('Nobody is signed in.')),
      });
      const config = await open.config();
      const auth = await loadAuth(config);
      if (stale) return;
      off = auth.session.onChange((signedIn) => {
        queries.clear();
        // While a link is exchanged its keys come first: the caller enters when they are stored.
        if (signedIn && linkLeft.current === null)
          void enter(auth, config).catch((error: unknown) => setState({ status: 'signed-out', auth, error }));
        if (!signedIn) setState({ status: 'signed-out', auth });
      });
      const used = linkLeft.current;
      if (used !== null) {
        try {
          await enterByLink(auth, used);
        } catch (error) {
          linkLeft.current = null;
          // A link is good once: whoever follows it twice is signed in already.
          if (await auth.restore()) return enter(auth, config);
          setState({ status: 'signed-out', auth, error });
          return;
        }
        linkLeft.current = null;
        return enter(auth, config);
      }
      if (await auth.restore()) await enter(auth, config);
      else if (!stale) setState({ status: 'signed-out', auth });
    };
    start().catch((error: unknown) => {
      if (!stale) setState({ status: 'broken', error });
    });
    return () => {
      stale = true;
      off();
    };
  }, [attempt, queries, enter]);

  const value = useMemo<SessionValue>(
    () => ({
      state,
      async signOut() {
        if (state.status === 'signed-in') await state.auth.session.signOut();
      },
      ended() {
        setState((before) =>
          before.status === 'signed-in'
            ? {
                status: 'signed-out',
                auth: before.auth,
                error: Object.assign(new Error('Your session has ended.'), {
                  code: 'unauthenticated',
                  fix: 'Sign in again to go on.',
                }),
              }
            : before,
        );
      },
      restart() {
        setState({ status: 'starting' });
        setAttempt((count) => count + 1);
      },
    }),
    [state],
  );
  return <SessionContext value={value}>{children}</SessionContext>;
}

/** Whether an error means that nobody is signed in any more. */
export const isSignedOut = (error: unknown): boolean => isProblem(error, 'unauthenticated');
