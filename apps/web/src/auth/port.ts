import type { PublicConfig } from '@claw-cloud/contracts';
import type { Session } from '@claw-cloud/owner-client/api';
import type { ComponentType } from 'react';

/**
 * The seam between the dashboard and whoever signs people in. An adapter brings the session and the two
 * pages; it is loaded by `config.auth.kind`, so that no adapter's code comes where it is not used.
 */
export interface AuthPort {
  readonly session: Session;
  /** Whether somebody is signed in from before. Raises ProblemError `unavailable`. */
  restore(): Promise<boolean>;
  /** Exchanges a one-time link; absent where the issuer has none. */
  readonly followLink?: (token: string) => Promise<void>;
  readonly SignIn: ComponentType;
  readonly SignUp: ComponentType;
}

/**
 * The adapter of the configured kind. A kind this build has no adapter for is an error with a fix: the
 * dashboard can't sign in there, and must not seem to.
 */
export async function loadAuth(config: PublicConfig): Promise<AuthPort> {
  if (config.auth.kind === 'local') return (await import('./local.tsx')).createLocalAuth();
  throw Object.assign(
    new Error('This build of the dashboard has no sign-in for this installation’s accounts.'),
    {
      code: 'auth_kind_unknown',
      fix: 'Whoever runs this installation should serve a dashboard built with that adapter, or use local accounts.',
    },
  );
}
