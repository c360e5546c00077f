import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { classes } from './classes.ts';

/** A button that copies a text and says so. */
export function CopyButton({
  text,
  label = 'Copy',
  className,
}: {
  text: string;
  label?: string;
  className?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      onClick={() => {
        navigator.clipboard.writeText(text).then(
          () => setCopied(true),
          () => setCopied(false),
        );
      }}
      aria-label={copied ? 'Copied' : label}
      className={classes(
        'grid size-7 place-items-center rounded-md text-faint transition-colors hover:bg-hover hover:text-ink',
        className,
      )}
    >
      {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
    </button>
  );
}

interface CodeBlockProps {
  text: string;
  /** Above the text, e.g. the language. */
  caption?: string | undefined;
  /** The highest it grows, as a Tailwind class. */
  limit?: string;
  /** Breaks long lines instead of scrolling; what is copied is the same. */
  wrap?: boolean;
}

/** Text as a machine wrote it, to be read or copied. */
export function CodeBlock({ text, caption, limit = 'max-h-96', wrap = false }: CodeBlockProps) {
  return (
    <div className="group/code relative overflow-hidden rounded-lg border border-line bg-sunken">
      {caption && (
        <div className="border-line border-b px-3.5 py-1.5 font-mono text-2xs text-faint uppercase tracking-wider">
          {caption}
        </div>
      )}
      <CopyButton
        text={text}
        className="absolute right-1.5 top-1 bg-sunken opacity-0 focus-visible:opacity-100 group-hover/code:opacity-100"
      />
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        className={classes(
          'overflow-auto px-3.5 py-3 font-mono text-[0.8125rem] leading-[1.55]',
          wrap && 'whitespace-pre-wrap break-words',
          limit,
        )}
      >
        {text}
      </pre>
    </div>
  );
}
