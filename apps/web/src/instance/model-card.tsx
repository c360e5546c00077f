import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Lock } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { z } from 'zod';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input, Select } from '../design/field.tsx';
import { Badge } from '../design/status.tsx';
import { useToast } from '../design/toast.tsx';
import { useThisInstance } from '../pages/server.tsx';
import { useConnection } from './connection.tsx';
import { isSandboxModel, modelKey, useModel } from './model.ts';

const Answer = z.object({
  provider: z.string(),
  model: z.string(),
  check: z.object({ status: z.enum(['ok', 'failed', 'unknown']), reason: z.string().optional() }).optional(),
});

type Provider = 'openai' | 'anthropic' | 'custom';
const providers: Record<Provider, { name: string; hint: string; placeholder: string }> = {
  openai: { name: 'OpenAI', hint: 'From platform.openai.com, under API keys.', placeholder: 'sk-…' },
  anthropic: {
    name: 'Anthropic',
    hint: 'From console.anthropic.com, under API keys.',
    placeholder: 'sk-ant-…',
  },
  custom: {
    name: 'Another, compatible with OpenAI',
    hint: 'Whatever its endpoint expects.',
    placeholder: '',
  },
};

/** Which model answers, and the form that changes it. The key goes to the server and nowhere else. */
export function ModelCard() {
  const instance = useThisInstance();
  const { connection, channelState } = useConnection();
  const model = useModel(instance.id);
  const queries = useQueryClient();
  const toast = useToast();
  const [provider, setProvider] = useState<Provider>('openai');
  const [apiKey, setApiKey] = useState('');
  const [name, setName] = useState('');
  const [baseUrl, setBaseUrl] = useState('');
  const [checked, setChecked] = useState(false);
  const custom = provider === 'custom';
  const badKey = apiKey.trim() === '' ? 'Paste the key here.' : undefined;
  const badUrl =
    custom && !/^https?:\/\/\S+$/.test(baseUrl.trim())
      ? 'Enter its address, beginning with https://'
      : undefined;
  const badName = custom && name.trim() === '' ? 'Enter the model’s name there.' : undefined;
  const open = channelState.status === 'open';

  const change = useMutation({
    mutationFn: async () => {
      const answer = await connection?.channel.command(
        'model.set',
        {
          provider,
          apiKey: apiKey.trim(),
          ...(name.trim() === '' ? {} : { model: name.trim() }),
          ...(custom ? { baseUrl: baseUrl.trim() } : {}),
        },
        // The server asks the provider once whether the key works.
        { timeoutMs: 150_000 },
      );
      return Answer.parse(answer);
    },
    onSuccess: (answer) => {
      setApiKey('');
      setChecked(false);
      queries.setQueryData(modelKey(instance.id), { provider: answer.provider, model: answer.model });
      if (answer.check?.status !== 'failed') toast(`Your server now answers with ${answer.model}.`);
    },
  });
  const failedCheck = change.data?.check?.status === 'failed' ? change.data.check : undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (!badKey && !badUrl && !badName) change.mutate();
  };

  return (
    <Card>
      <CardHeader
        title="Model"
        hint={
          model.data?.model ? (
            <>
              Answers with <span className="font-mono text-ink text-xs">{model.data.model}</span>
            </>
          ) : (
            'The model that answers you.'
          )
        }
        action={isSandboxModel(model.data) && <Badge tone="caution">Sandbox’s own</Badge>}
      />
      <form onSubmit={onSubmit} noValidate className="flex flex-col gap-4 px-5 py-5">
        <Field label="Provider">
          <Select
            value={provider}
            onChange={(event) => setProvider(event.target.value as Provider)}
            data-testid="model-provider"
          >
            {Object.entries(providers).map(([id, { name: label }]) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        {custom && (
          <Field label="Address" error={checked ? badUrl : undefined}>
            <Input
              type="url"
              value={baseUrl}
              placeholder="https://models.example.com/v1"
              onChange={(event) => setBaseUrl(event.target.value)}
              data-testid="model-base-url"
            />
          </Field>
        )}
        <Field label="Key" hint={providers[provider].hint} error={checked ? badKey : undefined}>
          <Input
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={apiKey}
            maxLength={500}
            placeholder={providers[provider].placeholder}
            onChange={(event) => setApiKey(event.target.value)}
            className="font-mono"
            data-testid="model-key"
          />
        </Field>
        <Field label="Model" aside={custom ? undefined : 'optional'} error={checked ? badName : undefined}>
          <Input
            value={name}
            autoComplete="off"
            spellCheck={false}
            maxLength={120}
            placeholder={custom ? '' : 'the provider’s default'}
            onChange={(event) => setName(event.target.value)}
            className="font-mono"
            data-testid="model-name"
          />
        </Field>
        {change.error !== null && <ErrorNotice trouble={troubleOf(change.error)} />}
        {failedCheck && (
          <ErrorNotice
            tone="caution"
            trouble={{
              message: 'The key is stored, but the provider refused it when your server tried.',
              fix: failedCheck.reason ?? 'Check the key and the account’s credit, and set it again.',
              code: null,
              requestId: null,
              details: [],
              link: null,
            }}
          />
        )}
        <div className="flex flex-col gap-4 border-line border-t pt-4 sm:flex-row sm:items-center sm:justify-between">
          <p className="flex max-w-[40ch] gap-2.5 text-muted text-xs">
            <Lock size={14} aria-hidden className="mt-0.5 shrink-0 text-positive" />
            Goes end-to-end encrypted to your server, and is stored there alone.
          </p>
          <Button type="submit" busy={change.isPending} disabled={!open} data-testid="model-submit">
            Set the model
          </Button>
        </div>
      </form>
    </Card>
  );
}
