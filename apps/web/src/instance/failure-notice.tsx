import type { Failure } from '@claw-cloud/contracts';
import type { ReactNode } from 'react';
import { CodeBlock } from '../design/code-block.tsx';
import { ErrorNotice, troubleOfFailure } from '../design/error-notice.tsx';
import { ExternalLink } from '../design/external-link.tsx';

interface FailureNoticeProps {
  failure: Failure;
  tone?: 'critical' | 'caution';
  action?: ReactNode;
  /** What the reader may have to do so that nothing goes on being billed. */
  billing?: ReactNode;
  className?: string;
}

/** Why long work failed: what to solve, in its order, and the end of the server's log. */
export function FailureNotice({ failure, tone, action, billing, className }: FailureNoticeProps) {
  const { further = [], logTail, resourceMayExist } = failure;
  return (
    <ErrorNotice
      trouble={troubleOfFailure(failure)}
      action={action}
      {...(tone ? { tone } : {})}
      {...(className ? { className } : {})}
    >
      {further.length > 0 && <Further further={further} />}
      {resourceMayExist && billing && <p className="mt-2 font-medium text-critical-ink text-sm">{billing}</p>}
      {logTail && (
        <details className="mt-3">
          <summary className="w-fit text-muted text-sm underline decoration-line-strong underline-offset-4">
            The end of the server’s log
          </summary>
          <div className="mt-2">
            <CodeBlock text={logTail} />
          </div>
        </details>
      )}
    </ErrorNotice>
  );
}

function Further({ further }: { further: NonNullable<Failure['further']> }) {
  return (
    <>
      <p className="mt-3 text-muted text-sm">
        {further.length === 1 ? 'One more thing' : `${further.length} more things`} would stand in the way
        after that:
      </p>
      <ol start={2} className="mt-1.5 flex flex-col gap-2" data-testid="further">
        {further.map(({ code, message, fix, link }, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: one failure's list never changes.
            key={index}
            className="flex gap-3 rounded-md border border-critical/25 bg-surface px-3 py-2"
            data-code={code}
          >
            <span aria-hidden className="w-4 shrink-0 text-faint tabular-nums">
              {index + 2}
            </span>
            <div className="min-w-0">
              <p>{message}</p>
              <p className="mt-0.5 text-muted text-sm">{fix}</p>
              {link !== undefined && <ExternalLink href={link}>Put it right at your cloud</ExternalLink>}
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}
