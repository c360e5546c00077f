import type { ToolBlock } from '@claw-cloud/owner-client/api';
import { Check, ChevronRight, CircleSlash, Hand, SquareTerminal, Wrench } from 'lucide-react';
import { useState } from 'react';
import { classes } from '../design/classes.ts';
import { CodeBlock } from '../design/code-block.tsx';
import { Spinner } from '../design/spinner.tsx';
import { duration } from '../instance/words.ts';

const words: Record<ToolBlock['status'], string> = {
  running: 'running',
  waiting: 'waits for your answer',
  done: 'done',
  failed: 'failed',
};

/** The command of a shell call; undefined for other tools. */
function commandOf(tool: ToolBlock): string | undefined {
  const args = tool.args as { command?: unknown } | null | undefined;
  return typeof args?.command === 'string' ? args.command : undefined;
}

/** One use of a tool: what was asked in a line, everything on demand. */
export function ToolCall({ tool }: { tool: ToolBlock }) {
  const [open, setOpen] = useState(false);
  const command = commandOf(tool);
  const Icon = command === undefined ? Wrench : SquareTerminal;
  return (
    <div
      data-testid="tool-call"
      data-status={tool.status}
      className="overflow-hidden rounded-lg border border-line bg-surface shadow-1"
    >
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full items-center gap-2.5 px-3 py-2 text-left text-sm transition-colors hover:bg-hover"
      >
        <Icon size={15} aria-hidden className="shrink-0 text-faint" />
        <span className="shrink-0 font-medium">{tool.name}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-muted text-xs">
          {command ?? tool.title ?? ''}
        </span>
        {tool.durationMs !== null && (
          <span className="shrink-0 text-faint text-xs tabular-nums">{duration(tool.durationMs)}</span>
        )}
        <ToolMark status={tool.status} />
        <ChevronRight
          size={14}
          aria-hidden
          className={classes('shrink-0 text-faint transition-transform duration-150', open && 'rotate-90')}
        />
      </button>
      {open && (
        <div className="flex flex-col gap-2.5 border-line border-t px-3 py-3">
          <CodeBlock
            caption={command === undefined ? 'input' : 'command'}
            text={command ?? asText(tool.args)}
            limit="max-h-48"
          />
          {(tool.output !== '' || tool.status === 'done') && (
            <CodeBlock
              caption={
                tool.exitCode === null || tool.exitCode === 0
                  ? 'output'
                  : `output, exit code ${tool.exitCode}`
              }
              text={tool.output || 'nothing'}
              limit="max-h-72"
            />
          )}
        </div>
      )}
    </div>
  );
}

function ToolMark({ status }: { status: ToolBlock['status'] }) {
  return (
    <span className="inline-flex shrink-0 items-center">
      <span className="sr-only">{words[status]}</span>
      {status === 'running' && <Spinner />}
      {status === 'waiting' && <Hand size={14} aria-hidden className="text-caution-ink" />}
      {status === 'done' && <Check size={14} aria-hidden className="text-positive" />}
      {status === 'failed' && <CircleSlash size={14} aria-hidden className="text-critical" />}
    </span>
  );
}

function asText(args: unknown): string {
  if (args === undefined || args === null) return 'nothing';
  return typeof args === 'string' ? args : JSON.stringify(args, null, 2);
}
