import { type AssistantTurn, type Block, textOf, type UserTurn } from '@claw-cloud/owner-client/api';
import { CircleAlert, RotateCw } from 'lucide-react';
import { memo } from 'react';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/code-block.tsx';
import { Mark } from '../design/logo.tsx';
import { Markdown } from './markdown.tsx';
import { ToolCall } from './tool-call.tsx';

/** What the owner said. */
export const UserMessage = memo(function UserMessage({
  turn,
  onResend,
}: {
  turn: UserTurn;
  onResend: () => void;
}) {
  return (
    <div className="flex flex-col items-end gap-1">
      <div
        data-testid="message-user"
        data-delivery={turn.delivery}
        className={classes(
          'max-w-[85%] whitespace-pre-wrap break-words rounded-xl rounded-br-sm bg-ink/6 px-4 py-2.5 text-md',
          turn.delivery === 'sending' && 'opacity-60',
        )}
      >
        {turn.text}
      </div>
      {turn.delivery === 'failed' && (
        <p role="alert" className="flex items-center gap-2 text-critical-ink text-xs">
          <CircleAlert size={13} aria-hidden />
          {turn.problem ?? 'This did not arrive.'}
          <button
            type="button"
            onClick={onResend}
            className="inline-flex items-center gap-1 font-medium underline underline-offset-2"
          >
            <RotateCw size={12} aria-hidden /> Send again
          </button>
        </p>
      )}
    </div>
  );
});

const phases: Record<string, string> = {
  preparing_workspace: 'Preparing the workspace',
  preparing_context: 'Preparing the context',
  starting_model: 'Asking the model',
};

/** What the assistant said and did. */
export const AssistantMessage = memo(function AssistantMessage({ turn }: { turn: AssistantTurn }) {
  const working = turn.status === 'working';
  const text = textOf(turn);
  const last = turn.blocks.at(-1);
  const silent = working && (last === undefined || (last.type === 'tool' && last.status === 'done'));
  return (
    <div className="group/turn flex gap-3.5">
      <span className="mt-0.5 grid size-7 shrink-0 place-items-center rounded-full border border-line bg-surface shadow-1">
        <Mark size={16} />
      </span>
      <div
        data-testid="message-assistant"
        data-status={turn.status}
        className="flex min-w-0 flex-1 flex-col gap-3 pt-0.5"
      >
        {turn.blocks.map((block, index) => (
          <BlockView key={keyOf(block, index)} block={block} />
        ))}
        {silent && <Thinking phase={turn.phase} />}
        {turn.error !== null && (
          <div
            role="alert"
            className="flex gap-2.5 rounded-lg border border-critical/30 bg-critical-soft px-3.5 py-2.5 text-sm"
          >
            <CircleAlert size={15} aria-hidden className="mt-0.5 shrink-0 text-critical-ink" />
            <p className="min-w-0 break-words">{turn.error}</p>
          </div>
        )}
        {!working && (
          <div className="-mt-1.5 -mb-4 flex h-7 items-center gap-2 text-faint text-xs">
            {turn.status === 'stopped' && <span>Stopped</span>}
            <span className="flex items-center gap-1 opacity-0 transition-opacity focus-within:opacity-100 group-hover/turn:opacity-100">
              {text !== '' && <CopyButton text={text} label="Copy the answer" className="-ml-1.5" />}
              {turn.model && <span>{turn.model}</span>}
            </span>
          </div>
        )}
      </div>
    </div>
  );
});

const keyOf = (block: Block, index: number) => (block.type === 'tool' ? block.toolCallId : `text-${index}`);

function BlockView({ block }: { block: Block }) {
  return block.type === 'tool' ? <ToolCall tool={block} /> : <Markdown text={block.text} />;
}

/** Before the first word, and between steps. */
export function Thinking({ phase }: { phase: string | null }) {
  return (
    <p role="status" data-testid="run-phase" className="flex h-7 items-center gap-2.5 text-muted text-sm">
      <span aria-hidden className="flex gap-1">
        <span className="size-1.5 animate-breathe rounded-full bg-accent" />
        <span className="size-1.5 animate-breathe rounded-full bg-accent [animation-delay:0.25s]" />
        <span className="size-1.5 animate-breathe rounded-full bg-accent [animation-delay:0.5s]" />
      </span>
      {phase === null ? 'Thinking' : (phases[phase] ?? phase.replaceAll('_', ' '))}
    </p>
  );
}
