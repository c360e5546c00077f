import type { Approval } from '@claw-cloud/owner-client/api';
import { ShieldQuestion } from 'lucide-react';
import { Button } from '../design/button.tsx';

interface ApprovalCardProps {
  approval: Approval;
  onDecide: (decision: 'allow-once' | 'deny') => void;
}

/** The assistant wants to run a command: the owner says yes, for this once, or no. */
export function ApprovalCard({ approval, onDecide }: ApprovalCardProps) {
  const { command, cwd, warning, deciding, problem, canAllow } = approval;
  return (
    <section
      role="alertdialog"
      aria-label="The assistant asks for your leave"
      data-testid="approval"
      className="animate-rise overflow-hidden rounded-lg border border-caution/45 bg-surface shadow-2"
    >
      <div className="flex items-start gap-3 bg-caution-soft px-4 py-3">
        <ShieldQuestion size={17} aria-hidden className="mt-0.5 shrink-0 text-caution-ink" />
        <div>
          <p className="font-medium">Run this command on your server?</p>
          <p className="text-muted text-sm">
            {warning ?? 'It has the rights of the assistant’s account there, and no more.'}
          </p>
        </div>
      </div>
      <div className="px-4 py-3.5">
        <pre className="max-h-48 overflow-auto whitespace-pre-wrap break-words rounded-md border border-line bg-sunken px-3 py-2.5 font-mono text-[0.8125rem]">
          {command}
        </pre>
        {cwd && <p className="mt-1.5 truncate font-mono text-faint text-xs">in {cwd}</p>}
        {problem && (
          <p role="alert" className="mt-2 text-critical-ink text-sm">
            {problem}
          </p>
        )}
        <div className="mt-3.5 flex gap-2">
          <Button
            size="sm"
            busy={deciding === 'allow-once'}
            disabled={!canAllow || deciding !== null}
            onClick={() => onDecide('allow-once')}
            data-testid="approval-allow"
          >
            Allow once
          </Button>
          <Button
            size="sm"
            variant="secondary"
            busy={deciding === 'deny'}
            disabled={deciding !== null}
            onClick={() => onDecide('deny')}
            data-testid="approval-deny"
          >
            Deny
          </Button>
        </div>
      </div>
    </section>
  );
}
