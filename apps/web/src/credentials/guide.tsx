import type { CredentialMethod } from '@claw-cloud/contracts';
import { ChevronRight, Download } from 'lucide-react';
import { Button } from '../design/button.tsx';
import { CodeBlock, CopyButton } from '../design/code-block.tsx';
import { ExternalLink } from '../design/external-link.tsx';
import { saveText } from '../design/save-text.ts';
import { Said } from './said.tsx';

/** How to come by a credential, for somebody who has never made one. */
export function CredentialGuide({ method, externalId }: { method: CredentialMethod; externalId: string }) {
  const { steps, limiting, deleting, links, policy } = method;
  const asksForId = [...steps, ...limiting].some((text) => text.includes(externalId));
  return (
    <section
      aria-label="How to make it"
      className="overflow-hidden rounded-lg border border-line bg-sunken/70"
    >
      <div className="px-4 py-4 sm:px-5">
        <ol className="flex flex-col gap-2.5">
          {steps.map((step, index) => (
            <li key={step} className="flex gap-3">
              <span
                aria-hidden
                className="mt-px grid size-5 shrink-0 place-items-center rounded-full border border-line-strong text-2xs tabular-nums"
              >
                {index + 1}
              </span>
              <span className="min-w-0 break-words text-muted">
                <Said>{step}</Said>
              </span>
            </li>
          ))}
        </ol>
        {links.length > 0 && (
          <p className="mt-3.5 ml-8 flex flex-wrap gap-x-5 gap-y-1.5">
            {links.map(({ label, href }) => (
              <ExternalLink key={href} href={href}>
                {label}
              </ExternalLink>
            ))}
          </p>
        )}
        {asksForId && (
          <p className="mt-3.5 ml-8 flex flex-wrap items-center gap-x-2 text-sm">
            <span className="text-muted">Your external id</span>
            <span className="inline-flex items-center gap-1">
              <code className="break-all font-mono text-xs" data-testid="external-id">
                {externalId}
              </code>
              <CopyButton text={externalId} label="Copy the external id" />
            </span>
          </p>
        )}
      </div>
      {limiting.length > 0 && <Aside title="Give it no more than it needs" texts={limiting} open />}
      {policy && (
        <Fold title={policy.title}>
          <CodeBlock text={policy.text} caption={policy.fileName} limit="max-h-64" />
          <div className="mt-2.5 flex flex-wrap items-center gap-2">
            <Button
              variant="secondary"
              size="sm"
              data-testid="policy-download"
              onClick={() => saveText(policy.fileName, policy.text, 'application/json')}
            >
              <Download size={14} aria-hidden /> Download
            </Button>
            <span className="inline-flex items-center gap-1 text-muted text-sm">
              <CopyButton text={policy.text} label="Copy the policy" /> Copy it
            </span>
          </div>
        </Fold>
      )}
      {deleting.length > 0 && <Aside title="How to take it back" texts={deleting} />}
    </section>
  );
}

function Aside({ title, texts, open }: { title: string; texts: readonly string[]; open?: boolean }) {
  return (
    <Fold title={title} open={open}>
      <ul className="flex list-disc flex-col gap-1.5 pl-4 text-muted marker:text-faint">
        {texts.map((text) => (
          <li key={text}>
            <Said>{text}</Said>
          </li>
        ))}
      </ul>
    </Fold>
  );
}

/** Something one may want to read and need not. */
export function Fold({
  title,
  open,
  children,
}: {
  title: string;
  open?: boolean | undefined;
  children: React.ReactNode;
}) {
  return (
    <details open={open} className="group border-line border-t">
      <summary className="flex items-center gap-2 px-4 py-2.5 font-medium text-sm hover:bg-hover sm:px-5">
        <ChevronRight
          size={14}
          aria-hidden
          className="text-faint transition-transform group-open:rotate-90"
        />
        {title}
      </summary>
      <div className="px-4 pb-4 pl-9.5 sm:pl-10.5">{children}</div>
    </details>
  );
}
