import { ArrowUp, Square } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';

interface ComposerProps {
  /** A run is under way: it can be stopped; a message sent now steers it. */
  running: boolean;
  disabled: boolean;
  placeholder: string;
  /** Names the draft that is kept while this tab lives. */
  draftKey: string;
  onSend: (text: string) => void;
  onStop: () => void;
}

const drafts = new Map<string, string>();
const tallest = 220;

/** Where messages are written. Enter sends, Shift and Enter breaks the line. */
export function Composer({ running, disabled, placeholder, draftKey, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState(() => drafts.get(draftKey) ?? '');
  const input = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (text === '') drafts.delete(draftKey);
    else drafts.set(draftKey, text);
  }, [draftKey, text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const element = input.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(tallest, element.scrollHeight)}px`;
  }, [text]);
  useEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (window.matchMedia('(pointer: fine)').matches) input.current?.focus();
  }, []);

  const send = () => {
    const plain = text.trim();
    if (plain === '' || disabled) return;
    onSend(plain);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While a word is being composed (Japanese, Chinese…), Enter belongs to the input method.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        send();
      }}
      className="flex items-end gap-2 rounded-xl border border-line-strong/80 bg-surface p-1.5 shadow-2 transition-colors focus-within:border-ink/45"
    >
      <textarea
        ref={input}
        rows={1}
        aria-label="Message"
        value={text}
        placeholder={placeholder}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="chat-input"
        className="max-h-55 min-h-9 flex-1 resize-none bg-transparent px-3 py-1.5 text-md outline-none"
      />
      {running && (
        <button
          type="button"
          onClick={onStop}
          aria-label="Stop the answer"
          title="Stop"
          data-testid="chat-stop"
          className="grid size-9 shrink-0 place-items-center rounded-lg border border-line-strong/70 text-ink transition-colors hover:bg-hover"
        >
          <Square size={13} fill="currentColor" aria-hidden />
        </button>
      )}
      <button
        type="submit"
        disabled={disabled || text.trim() === ''}
        aria-label="Send"
        data-testid="chat-send"
        className="grid size-9 shrink-0 place-items-center rounded-lg bg-ink text-bg transition-opacity hover:opacity-88 disabled:opacity-25"
      >
        <ArrowUp size={17} aria-hidden />
      </button>
    </form>
  );
}
