import { RefreshCw } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Card } from '../design/card.tsx';
import { CopyButton } from '../design/code-block.tsx';
import { Field, Select } from '../design/field.tsx';
import { useAnswer } from './ask.ts';
import { Answers, AreaPage } from './layout.tsx';

const sources = {
  gateway: 'The assistant',
  agent: 'The agent',
  bootstrap: 'First boot',
  security: 'Security',
} as const;
type Source = keyof typeof sources;
const counts = [100, 200, 500, 1000] as const;

/** The ends of the server's logs, as the server has redacted them. */
export function LogsArea() {
  const [source, setSource] = useState<Source>('gateway');
  const [lines, setLines] = useState<number>(200);
  const tail = useAnswer('logs.tail', { source, lines });
  return (
    <AreaPage
      title="Logs"
      hint="They stay on your server: what you see here comes encrypted, with keys and tokens taken out."
    >
      <Card>
        <div className="flex flex-wrap items-end gap-3 border-line border-b px-5 py-4">
          <div className="min-w-0 flex-1 basis-40">
            <Field label="Of">
              <Select
                value={source}
                onChange={(event) => setSource(event.target.value as Source)}
                data-testid="logs-source"
              >
                {Object.entries(sources).map(([id, name]) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          <div className="w-32">
            <Field label="Lines">
              <Select
                value={lines}
                onChange={(event) => setLines(Number(event.target.value))}
                data-testid="logs-lines"
              >
                {counts.map((count) => (
                  <option key={count} value={count}>
                    {count}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          <Button
            variant="secondary"
            busy={tail.isFetching}
            onClick={() => tail.refetch()}
            data-testid="logs-refresh"
          >
            {!tail.isFetching && <RefreshCw size={14} aria-hidden />} Refresh
          </Button>
        </div>
        <div className="px-5 py-4">
          <Answers query={tail} label="Fetching the log" rows={3}>
            {({ lines: text }) =>
              text.length === 0 ? (
                <p className="text-muted" data-testid="logs-empty">
                  Nothing was written here.
                </p>
              ) : (
                <Tail text={text.join('\n')} />
              )
            }
          </Answers>
        </div>
      </Card>
    </AreaPage>
  );
}

function Tail({ text }: { text: string }) {
  const ref = useRef<HTMLPreElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is newest stands at the end, whenever it changes.
  useEffect(() => {
    ref.current?.scrollTo({ top: ref.current.scrollHeight });
  }, [text]);
  return (
    <div className="relative">
      <CopyButton text={text} label="Copy the log" className="absolute top-1.5 right-3 bg-sunken" />
      <pre
        ref={ref}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        data-testid="logs-text"
        className="max-h-[60dvh] min-h-40 overflow-auto whitespace-pre-wrap break-all rounded-lg border border-line bg-sunken px-3.5 py-3 pr-12 font-mono text-[0.78125rem] leading-[1.6]"
      >
        {text}
      </pre>
    </div>
  );
}
