import { useState } from 'react';
import { Button } from '../design/button.tsx';
import { Callout } from '../design/callout.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { CodeBlock } from '../design/code-block.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, TextArea } from '../design/field.tsx';
import { useToast } from '../design/toast.tsx';
import { type Answer, useAnswer, useChange } from './ask.ts';
import { Answers, AreaPage } from './layout.tsx';
import { readEdit } from './merge-patch.ts';

const pretty = (value: unknown) => JSON.stringify(value, null, 2);

/** OpenClaw's own configuration: to read, and to change under OpenClaw's own checks. */
export function ConfigurationArea() {
  const config = useAnswer('config.get', {});
  const [draft, setDraft] = useState<{ text: string; of: Answer<'config.get'> } | null>(null);
  return (
    <AreaPage
      title="Configuration"
      hint="OpenClaw’s own, as it is on your server. Keys and tokens are shown as [redacted], and stay as they are."
    >
      <Answers query={config} label="Fetching the configuration" rows={3}>
        {(data) =>
          draft ? (
            <Editor
              draft={draft.text}
              of={draft.of}
              current={data}
              onChange={(text) => setDraft({ ...draft, text })}
              onReset={() => setDraft({ text: pretty(data.config), of: data })}
              onClose={() => setDraft(null)}
            />
          ) : (
            <Card>
              <CardHeader
                title="As it is"
                action={
                  <Button
                    variant="secondary"
                    size="sm"
                    onClick={() => setDraft({ text: pretty(data.config), of: data })}
                    data-testid="config-edit"
                  >
                    Edit
                  </Button>
                }
              />
              <div className="px-5 py-4" data-testid="config-text">
                <CodeBlock text={pretty(data.config)} limit="max-h-[60dvh]" />
              </div>
            </Card>
          )
        }
      </Answers>
    </AreaPage>
  );
}

interface EditorProps {
  draft: string;
  /** What the edit began with. */
  of: Answer<'config.get'>;
  /** What the server has by now. */
  current: Answer<'config.get'>;
  onChange: (text: string) => void;
  onReset: () => void;
  onClose: () => void;
}

function Editor({ draft, of, current, onChange, onReset, onClose }: EditorProps) {
  const toast = useToast();
  const [asking, setAsking] = useState(false);
  const edited = readEdit(of.config, draft);
  const changes = edited.ok ? Object.keys(edited.patch).length : 0;
  const set = useChange('config.set', {
    refreshes: ['config.get', 'instance.health'],
    timeoutMs: 120_000,
    onDone: () => {
      toast('The configuration is changed.');
      onClose();
    },
  });
  const reset = () => {
    set.reset();
    onReset();
  };
  return (
    <Card>
      <CardHeader
        title="Edit"
        hint="What you don’t touch stays as it is. OpenClaw checks it before it takes it."
      />
      <div className="flex flex-col gap-4 px-5 py-4">
        {current.hash !== of.hash && (
          <Callout
            tone="caution"
            title="It has changed on your server meanwhile"
            action={
              <Button variant="secondary" size="sm" onClick={reset}>
                Begin again with what is there now
              </Button>
            }
          >
            Saving would be refused, so that nobody’s change is lost.
          </Callout>
        )}
        <Field label="Configuration, as JSON" error={edited.ok ? undefined : edited.trouble}>
          <TextArea
            value={draft}
            onChange={(event) => onChange(event.target.value)}
            rows={18}
            autoComplete="off"
            spellCheck={false}
            className="resize-y font-mono text-[0.8125rem] leading-[1.55]"
            data-testid="config-draft"
          />
        </Field>
        {set.error !== null && <ErrorNotice trouble={troubleOf(set.error)} />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button
            variant="secondary"
            onClick={reset}
            disabled={draft === pretty(current.config)}
            data-testid="config-reset"
          >
            Reset
          </Button>
          <Button
            onClick={() => setAsking(true)}
            disabled={!edited.ok || changes === 0}
            data-testid="config-review"
          >
            Look over the changes
          </Button>
        </div>
      </div>
      {edited.ok && (
        <ConfirmDialog
          open={asking}
          width="md"
          title="Save these changes?"
          hint="The assistant may restart to take them up. null takes a setting out."
          confirm="Save"
          busy={set.isPending}
          error={null}
          onConfirm={() =>
            set.mutate({ baseHash: of.hash, patch: edited.patch }, { onSettled: () => setAsking(false) })
          }
          onClose={() => setAsking(false)}
          testId="config-save"
        >
          <CodeBlock text={pretty(edited.patch)} limit="max-h-64" />
        </ConfirmDialog>
      )}
    </Card>
  );
}
