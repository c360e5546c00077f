import { Check, Copy, Download, Printer } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { saveText } from '../design/save-text.ts';

interface RecoveryDialogProps {
  /** Null while there is nothing to show. */
  code: string | null;
  busy: boolean;
  error: unknown;
  onContinue: () => void;
  onCancel: () => void;
}

/** Shows the recovery code, once; goes on only when its owner says that it is kept. */
export function RecoveryDialog({ code, busy, error, onContinue, onCancel }: RecoveryDialogProps) {
  const [kept, setKept] = useState(false);
  const [copied, setCopied] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another code has to be kept anew.
  useEffect(() => {
    setKept(false);
    setCopied(false);
  }, [code]);
  const text = `Claw Cloud recovery code\n\n${code}\n\nIt opens your servers’ chats when this browser is lost. Keep it where you keep passwords.\n`;

  return (
    <Dialog
      open={code !== null}
      title="Keep your recovery code"
      hint="If this browser’s data is lost, this code is the only other way into your servers’ chats. We don’t have it and can’t make it again."
      width="md"
      footer={
        <>
          <Button variant="ghost" onClick={onCancel} disabled={busy}>
            Back
          </Button>
          <Button onClick={onContinue} disabled={!kept} busy={busy} data-testid="recovery-continue">
            Deploy
          </Button>
        </>
      }
    >
      {error !== undefined && error !== null && <ErrorNotice trouble={troubleOf(error)} className="mb-4" />}
      <div
        data-testid="recovery-code"
        data-print
        className="grid select-all grid-cols-3 justify-items-center gap-y-1.5 rounded-lg border border-line bg-sunken px-4 py-5 font-mono text-lg tracking-[0.06em] sm:px-12"
      >
        {(code ?? '').split('-').map((group, index, groups) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: groups of one code never change places.
          <span key={index}>
            {group}
            <span className="text-faint">{index < groups.length - 1 ? '-' : '\u00a0'}</span>
          </span>
        ))}
      </div>
      <div className="mt-3 flex flex-wrap gap-2">
        <Button
          variant="secondary"
          size="sm"
          onClick={() => {
            navigator.clipboard.writeText(code ?? '').then(
              () => setCopied(true),
              () => setCopied(false),
            );
          }}
        >
          {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
          {copied ? 'Copied' : 'Copy'}
        </Button>
        <Button variant="secondary" size="sm" onClick={() => saveText('claw-cloud-recovery-code.txt', text)}>
          <Download size={14} aria-hidden /> Download
        </Button>
        <Button variant="secondary" size="sm" onClick={() => window.print()}>
          <Printer size={14} aria-hidden /> Print
        </Button>
      </div>
      <label className="mt-5 flex cursor-pointer items-start gap-3">
        <input
          type="checkbox"
          checked={kept}
          onChange={(event) => setKept(event.target.checked)}
          data-testid="recovery-ack"
          className="mt-0.5 size-4 shrink-0 accent-(--accent)"
        />
        <span>I have kept the code somewhere safe, outside this browser.</span>
      </label>
    </Dialog>
  );
}
