import { FlaskConical, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Badge } from '../design/status.tsx';
import { useToast } from '../design/toast.tsx';
import { ModelCard } from '../instance/model-card.tsx';
import { type Answer, useAnswer, useChange } from './ask.ts';
import { Answers, AreaPage } from './layout.tsx';

const names: Record<string, string> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  custom: 'Your own endpoint',
};

/** The model that answers, and every provider whose key is on the server. */
export function ModelArea() {
  const list = useAnswer('model.list', {});
  return (
    <AreaPage
      title="Model"
      hint="Keys are kept on your server alone, readable by the assistant and nobody else."
    >
      <ModelCard />
      <Card>
        <CardHeader title="Keys on this server" hint="A test makes one small, real call to the provider." />
        <div className="px-5 py-4">
          <Answers query={list} label="Asking which keys are there" rows={1}>
            {({ providers }) =>
              providers.length === 0 ? (
                <p className="text-muted">No key yet: set a model above.</p>
              ) : (
                <ul className="-my-4 divide-y divide-line">
                  {providers.map((provider) => (
                    <ProviderRow key={provider.provider} {...provider} />
                  ))}
                </ul>
              )
            }
          </Answers>
        </div>
      </Card>
    </AreaPage>
  );
}

function ProviderRow({ provider, model, isDefault }: Answer<'model.list'>['providers'][number]) {
  const toast = useToast();
  const name = names[provider] ?? provider;
  const [removing, setRemoving] = useState(false);
  const test = useChange('model.test', { timeoutMs: 90_000 });
  const remove = useChange('model.remove', {
    refreshes: ['model.list', 'model.get'],
    onDone: () => {
      setRemoving(false);
      toast(`The key for ${name} is gone from your server.`);
    },
  });
  return (
    <li className="py-3.5" data-testid="provider" data-provider={provider}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-48">
          <p className="flex items-center gap-2 font-medium">
            {name}
            {isDefault && <Badge tone="positive">answers you</Badge>}
          </p>
          {model && <p className="mt-0.5 break-all font-mono text-muted text-xs">{model}</p>}
        </div>
        <div className="flex gap-2">
          <Button
            variant="secondary"
            size="sm"
            busy={test.isPending}
            onClick={() => test.mutate({ provider })}
            data-testid="provider-test"
          >
            <FlaskConical size={14} aria-hidden /> Test
          </Button>
          <Button
            variant="critical-quiet"
            size="sm"
            onClick={() => setRemoving(true)}
            aria-label={`Remove the key for ${name}`}
            data-testid="provider-remove"
          >
            <Trash2 size={14} aria-hidden />
          </Button>
        </div>
      </div>
      {test.data && !test.isPending && <Checked check={test.data} />}
      {test.error !== null && <ErrorNotice trouble={troubleOf(test.error)} className="mt-3" />}
      <ConfirmDialog
        open={removing}
        title={`Remove the key for ${name}?`}
        hint={
          isDefault
            ? 'It is the one that answers you: the assistant says nothing until you set another model.'
            : 'It is deleted from your server. The key itself stays valid until you withdraw it at the provider.'
        }
        confirm="Remove"
        tone="critical"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ provider })}
        onClose={() => {
          remove.reset();
          setRemoving(false);
        }}
        testId="provider-remove-dialog"
      />
    </li>
  );
}

function Checked({ check }: { check: Answer<'model.test'> }) {
  const words = {
    ok: `It answered${check.latencyMs === undefined ? '' : ` in ${Math.round(check.latencyMs)} ms`}.`,
    failed: check.reason ?? 'The provider refused it.',
    unknown: check.reason ?? 'The provider gave no clear answer.',
  }[check.status];
  const tone = { ok: 'positive', failed: 'critical', unknown: 'caution' } as const;
  const word = { ok: 'works', failed: 'refused', unknown: 'not clear' }[check.status];
  return (
    <p
      role="status"
      data-testid="provider-check"
      data-status={check.status}
      className="mt-2 flex items-baseline gap-2 text-sm"
    >
      <Badge tone={tone[check.status]}>{word}</Badge>
      <span className="min-w-0 break-words text-muted">{words}</span>
    </p>
  );
}
