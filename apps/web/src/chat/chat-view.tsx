import { activeRun, type Conversation, isWaiting } from '@claw-cloud/owner-client/api';
import { Link } from '@tanstack/react-router';
import { ArrowDown, FlaskConical } from 'lucide-react';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { troubleOf } from '../design/error-notice.tsx';
import { Mark } from '../design/logo.tsx';
import { Skeleton } from '../design/skeleton.tsx';
import { useToast } from '../design/toast.tsx';
import { useConnection } from '../instance/connection.tsx';
import { isSandboxModel, useModel } from '../instance/model.ts';
import { ApprovalCard } from './approval-card.tsx';
import { Composer } from './composer.tsx';
import { AssistantMessage, Thinking, UserMessage } from './turns.tsx';
import { noConversation, useConversation } from './use-conversation.ts';

interface ChatViewProps {
  instanceId: string;
  conversationId: string;
  /** Nothing was said in it yet: there is no history to wait for. */
  fresh: boolean;
  /** Told when an answer has ended, where a title is still wanted. */
  onAnswered: ((conversation: Conversation) => void) | undefined;
}

/** One conversation: what was said, what is asked, and the place to go on. */
export function ChatView({ instanceId, conversationId, fresh, onAnswered }: ChatViewProps) {
  const open = useConversation(conversationId);
  const { channelState } = useConnection();
  const model = useModel(instanceId);
  const toast = useToast();
  const conversation = open?.conversation ?? noConversation;
  const run = activeRun(conversation);
  const empty = conversation.turns.length === 0;
  const loading = !fresh && !conversation.loaded && empty && channelState.status !== 'failed';
  const { scroller, content, atEnd, toEnd } = useStickToEnd(conversation);

  const answered = conversation.turns.some((turn) => turn.kind === 'assistant' && turn.status !== 'working');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the first end of an answer is what counts.
  useEffect(() => {
    if (answered && open) onAnswered?.(open.conversation);
  }, [answered, onAnswered]);

  const send = (text: string) => {
    if (!open) return;
    open.session.send(text);
    toEnd();
  };

  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      {isSandboxModel(model.data) && (
        <p
          data-testid="sandbox-model-banner"
          className="flex items-center gap-2.5 border-line border-b bg-sunken px-4 py-2 text-muted text-sm sm:px-6"
        >
          <FlaskConical size={14} aria-hidden className="shrink-0 text-caution-ink" />
          <span className="min-w-0">
            Answers come from the sandbox’s own small model, not from a real assistant.{' '}
            <Link
              to="/servers/$instanceId/settings"
              params={{ instanceId }}
              className="font-medium text-accent-ink hover:underline"
            >
              Set a model key
            </Link>
          </span>
        </p>
      )}
      <div ref={scroller} className="relative min-h-0 flex-1 overflow-y-auto overscroll-contain">
        <div
          ref={content}
          className="mx-auto flex min-h-full w-full max-w-3xl flex-col px-4 pt-8 pb-6 sm:px-6"
        >
          {loading ? (
            <Remembering />
          ) : empty ? (
            <Welcome onPick={send} disabled={!open} />
          ) : (
            <div role="log" aria-label="Conversation" className="flex flex-col gap-6">
              {conversation.hasMore && (
                <p className="text-center text-faint text-xs">Older messages are on your server.</p>
              )}
              {conversation.turns.map((turn) =>
                turn.kind === 'user' ? (
                  <UserMessage
                    key={`user-${turn.id}`}
                    turn={turn}
                    onResend={() => turn.runId && open?.session.resend(turn.runId)}
                  />
                ) : (
                  <AssistantMessage key={turn.id} turn={turn} />
                ),
              )}
              {isWaiting(conversation) && (
                <div className="flex gap-3.5">
                  <span className="grid size-7 shrink-0 place-items-center rounded-full border border-line bg-surface shadow-1">
                    <Mark size={16} />
                  </span>
                  <Thinking phase={null} />
                </div>
              )}
              {conversation.approvals.map((approval) => (
                <div key={approval.id} className="pl-10.5">
                  <ApprovalCard
                    approval={approval}
                    onDecide={(decision) => void open?.session.decide(approval.id, decision)}
                  />
                </div>
              ))}
            </div>
          )}
        </div>
        {!atEnd && (
          <button
            type="button"
            onClick={toEnd}
            aria-label="To the newest message"
            className="sticky bottom-3 left-1/2 z-10 grid size-8 -translate-x-1/2 place-items-center rounded-full border border-line bg-raised text-muted shadow-2 hover:text-ink"
          >
            <ArrowDown size={15} aria-hidden />
          </button>
        )}
      </div>
      <div className="mx-auto w-full max-w-3xl px-3 pb-3 sm:px-6 sm:pb-4">
        <Composer
          key={conversationId}
          draftKey={`${instanceId}/${conversationId}`}
          running={run !== undefined}
          disabled={!open}
          placeholder={run ? 'Add to what it is doing' : 'Message your assistant'}
          onSend={send}
          onStop={() => {
            open?.session.stop().catch((error: unknown) => toast(troubleOf(error).message, 'critical'));
          }}
        />
        <p className="mt-2 hidden text-center text-faint text-xs sm:block">
          Enter sends, Shift + Enter breaks the line. Your server asks before it runs commands.
        </p>
      </div>
    </div>
  );
}

const suggestions = [
  'What can you do on this server?',
  'Look around: which system is this, and how much room is left?',
  'Write a short script that greets me by name, and run it.',
];

function Welcome({ onPick, disabled }: { onPick: (text: string) => void; disabled: boolean }) {
  return (
    <div className="m-auto flex w-full max-w-md flex-col items-center py-10 text-center">
      <span className="grid size-14 place-items-center rounded-xl border border-line bg-surface shadow-1">
        <Mark size={30} />
      </span>
      <h2 className="mt-5 font-semibold text-xl">What shall we do?</h2>
      <p className="mt-1 text-muted">
        Your assistant runs on your own server. What you say here, only it can read.
      </p>
      <ul className="mt-7 flex w-full flex-col gap-2">
        {suggestions.map((text) => (
          <li key={text}>
            <button
              type="button"
              disabled={disabled}
              onClick={() => onPick(text)}
              className="w-full rounded-lg border border-line bg-surface px-4 py-2.5 text-left text-muted shadow-1 transition-colors hover:border-line-strong hover:text-ink disabled:opacity-60"
            >
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The shape of a conversation that is being read from the server. */
export function Remembering() {
  return (
    <div role="status" className="flex flex-col gap-6">
      <span className="sr-only">Reading the conversation from your server</span>
      <Skeleton className="h-11 w-1/2 self-end" />
      <Skeleton className="h-24 w-4/5" />
      <Skeleton className="h-11 w-2/5 self-end" />
      <Skeleton className="h-16 w-3/5" />
    </div>
  );
}

/** Keeps the newest in sight while it streams, unless the reader has scrolled up. */
function useStickToEnd(conversation: Conversation) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    stuck.current = true;
    setAtEnd(true);
    // After what was just sent has been drawn.
    requestAnimationFrame(() => scroller.current?.scrollTo({ top: scroller.current.scrollHeight }));
  }, []);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      stuck.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
      setAtEnd(stuck.current);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    // A code block that opens or a window that turns changes heights without a new message.
    const observer = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    if (content.current) observer.observe(content.current);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows whatever changes in the conversation.
  useLayoutEffect(() => {
    if (stuck.current && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [conversation]);
  return { scroller, content, atEnd, toEnd };
}
