import { type ownerCommands, ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { providerSettings } from '../openclaw/config.ts';
import { asAdmin, type Gateway } from '../openclaw/gateway.ts';
import type { GatewayConnection } from '../openclaw/gateway-client.ts';
import { patchConfig } from '../openclaw/patch-config.ts';

export type ModelSet = z.infer<(typeof ownerCommands)['model.set']>;

/** What is taken where the owner names no model; OpenClaw's own defaults at the pinned release. */
const defaultModels = { openai: 'gpt-6-astra', anthropic: 'claude-opus-5-5' } as const;

const note = 'model set by the owner';
/** A provider that works answers in a few seconds; the owner waits for this. */
const probeLimitMs = 20_000;
const ConfigSnapshot = z.object({ config: z.looseObject({}) });
const Probe = z.object({
  status: z.string(),
  latencyMs: z.number().optional(),
  error: z.string().optional(),
});

export interface ModelCheck {
  /** `ok`: the provider answered a real call. `failed`: it refused, with its reason. `unknown`: it was not asked. */
  status: 'ok' | 'failed' | 'unknown';
  latencyMs?: number;
  reason?: string;
}

/** Asks the provider once, for real, with few tokens. */
export async function checkModel(connection: GatewayConnection, provider: string): Promise<ModelCheck> {
  try {
    const probe = Probe.parse(await connection.request('models.probe', { provider }, probeLimitMs));
    if (probe.status === 'ok')
      return { status: 'ok', ...(probe.latencyMs === undefined ? {} : { latencyMs: probe.latencyMs }) };
    return { status: 'failed', reason: (probe.error ?? probe.status).slice(0, 500) };
  } catch (error) {
    return { status: 'unknown', reason: error instanceof Error ? error.message.slice(0, 500) : 'no answer' };
  }
}

/**
 * Stores a provider's key on this instance, in OpenClaw's own store or configuration (both 0600), makes
 * its model the default, and asks the provider once whether it works. Raises `invalid_request`, or what
 * the gateway refuses.
 */
export async function setModel(
  gateway: Gateway,
  input: ModelSet,
): Promise<{ provider: string; model: string; check: ModelCheck }> {
  const { provider, apiKey } = input;
  if (provider === 'custom' && (!input.baseUrl || !input.model)) {
    throw new ProductError(
      'invalid_request',
      'A custom provider needs an address and a model.',
      'Fill in both the address and the model.',
    );
  }
  return asAdmin(gateway, async (connection) => {
    const model = provider === 'custom' ? (input.model ?? '') : (input.model ?? defaultModels[provider]);
    const selected = { agents: { defaults: { model: { primary: `${provider}/${model}` } } } };
    if (provider === 'custom') {
      const settings = providerSettings({
        baseUrl: input.baseUrl ?? '',
        apiKey,
        api: 'openai-completions',
        model: { id: model, name: model },
      });
      await patchConfig(connection, {
        patch: { ...selected, models: { providers: { custom: settings } } },
        replacedLists: ['models.providers.custom.models'],
        note,
      });
    } else {
      await connection.request('models.authSetApiKey', { provider, apiKey }, 60_000);
      await patchConfig(connection, { patch: selected, note });
    }
    return { provider, model, check: await checkModel(connection, provider) };
  });
}

const Selected = z.object({
  agents: z.object({
    defaults: z.object({ model: z.union([z.string(), z.object({ primary: z.string() })]) }),
  }),
});
const Providers = z.object({
  models: z.object({ providers: z.record(z.string(), z.object({ baseUrl: z.string().optional() })) }),
});

/** The default model and its provider, without its key; nulls while none is set. */
export async function getModel(
  gateway: Gateway,
): Promise<{ provider: string | null; model: string | null; baseUrl: string | null }> {
  return asAdmin(gateway, async (connection) => {
    const snapshot = ConfigSnapshot.parse(await connection.request('config.get', {}));
    const { config } = snapshot;
    const selected = Selected.safeParse(config);
    if (!selected.success) return { provider: null, model: null, baseUrl: null };
    const named = selected.data.agents.defaults.model;
    const [provider = '', ...rest] = (typeof named === 'string' ? named : named.primary).split('/');
    const providers = Providers.safeParse(config);
    const baseUrl = providers.success ? providers.data.models.providers[provider]?.baseUrl : undefined;
    return { provider, model: rest.join('/'), baseUrl: baseUrl ?? null };
  });
}
