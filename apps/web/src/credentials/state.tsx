import type { Credential } from '@claw-cloud/contracts';
import { ErrorNotice, troubleOfFailure } from '../design/error-notice.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { Spinner } from '../design/spinner.tsx';
import { Badge } from '../design/status.tsx';

/** Whether a credential may be used, in a word. */
export function CredentialStateBadge({ credential }: { credential: Credential }) {
  return (
    <span data-testid="credential-state" data-state={credential.state}>
      {credential.state === 'verifying' && (
        <Badge tone="accent">
          <Spinner size={10} /> Verifying
        </Badge>
      )}
      {credential.state === 'ready' && <Badge tone="positive">Ready</Badge>}
      {credential.state === 'rejected' && <Badge tone="critical">Rejected</Badge>}
    </span>
  );
}

/** Why a credential was rejected: what the cloud said, and each missing permission by name. */
export function CredentialTrouble({ credential, className }: { credential: Credential; className?: string }) {
  const trouble = credential.failure
    ? troubleOfFailure(credential.failure)
    : {
        message: 'The cloud did not accept this credential.',
        fix: 'Make a new one and add it.',
        code: 'credential_rejected',
        requestId: null,
        details: [],
        link: null,
      };
  return (
    <ErrorNotice trouble={trouble} {...(className ? { className } : {})}>
      {credential.missing.length > 0 && (
        <ul className="mt-3 flex flex-col gap-2">
          {credential.missing.map(({ permission, neededFor, fix, link }) => (
            <li key={permission} className="rounded-md border border-critical/25 bg-surface px-3 py-2">
              <p>
                <code className="font-mono text-sm">{permission}</code>
                <span className="text-muted"> is missing: {neededFor}</span>
              </p>
              {fix !== trouble.fix && <p className="mt-0.5 text-muted text-sm">{fix}</p>}
              {link !== undefined && (
                <ExternalLink href={link} className="mt-1">
                  Put it right at your cloud
                </ExternalLink>
              )}
            </li>
          ))}
        </ul>
      )}
    </ErrorNotice>
  );
}
