import type { Failure } from '@claw-cloud/contracts';
import { ChannelError, GatewayError, ProblemError } from '@claw-cloud/owner-client/api';
import { CircleAlert, ShieldAlert, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classes } from './classes.ts';

/** What went wrong, in the words of the person who reads it. */
export interface Trouble {
  readonly message: string;
  readonly fix: string | null;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly details: readonly string[];
  readonly link: string | null;
}

/** Any thrown value as trouble for a person. */
export function troubleOf(error: unknown): Trouble {
  const none = { requestId: null, details: [], link: null };
  if (error instanceof ProblemError) {
    const details = error.issues.map((issue) =>
      issue.path ? `${issue.path}: ${issue.message}` : issue.message,
    );
    return {
      message: error.message,
      fix: error.fix,
      code: error.code,
      requestId: error.requestId,
      details,
      link: null,
    };
  }
  if (error instanceof ChannelError)
    return { ...none, message: error.message, fix: error.fix, code: error.code };
  if (error instanceof GatewayError) {
    return {
      ...none,
      message: error.message,
      fix: 'Try again. If it stays, look at the server’s settings.',
      code: error.code,
    };
  }
  // Crypto's errors are of this form and meant for people; everything else is a fault of this page.
  if (error instanceof Error && 'fix' in error && typeof error.fix === 'string') {
    return {
      ...none,
      message: error.message,
      fix: error.fix,
      code: 'code' in error ? String(error.code) : null,
    };
  }
  return {
    ...none,
    message: 'Something went wrong in this page.',
    fix: 'Reload the page and try again.',
    code: 'page_fault',
  };
}

/** A failure of long work as trouble. */
export const troubleOfFailure = (failure: Failure): Trouble => ({
  message: failure.message,
  fix: failure.fix,
  code: failure.code,
  requestId: null,
  details: [],
  link: failure.link ?? null,
});

const icons = { critical: CircleAlert, caution: TriangleAlert, security: ShieldAlert };

interface ErrorNoticeProps {
  trouble: Trouble;
  tone?: 'critical' | 'caution' | 'security';
  action?: ReactNode;
  children?: ReactNode;
  className?: string;
}

/** What happened, what to do, and what to tell support. */
export function ErrorNotice({ trouble, tone = 'critical', action, children, className }: ErrorNoticeProps) {
  const Icon = icons[tone];
  const soft = tone === 'caution';
  return (
    <div
      role="alert"
      className={classes(
        'flex gap-3 rounded-lg border px-4 py-3.5',
        soft ? 'border-caution/35 bg-caution-soft' : 'border-critical/30 bg-critical-soft',
        className,
      )}
    >
      <Icon
        size={17}
        aria-hidden
        className={classes('mt-0.5 shrink-0', soft ? 'text-caution-ink' : 'text-critical-ink')}
      />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{trouble.message}</p>
        {trouble.fix && <p className="mt-0.5 text-muted">{trouble.fix}</p>}
        {trouble.details.length > 0 && (
          <ul className="mt-1.5 list-disc pl-4 text-muted text-sm">
            {trouble.details.map((detail) => (
              <li key={detail}>{detail}</li>
            ))}
          </ul>
        )}
        {children}
        {(trouble.code || trouble.requestId) && (
          <p className="mt-2 flex flex-wrap gap-x-3 font-mono text-2xs text-faint">
            {trouble.code && <span>{trouble.code}</span>}
            {trouble.requestId && <span>request {trouble.requestId}</span>}
          </p>
        )}
        {(action || trouble.link) && (
          <div className="mt-3 flex flex-wrap gap-2">
            {action}
            {trouble.link && (
              <a
                href={trouble.link}
                target="_blank"
                rel="noreferrer"
                className="self-center text-accent-ink text-sm underline"
              >
                Open in your cloud’s console
              </a>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
