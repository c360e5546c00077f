import { ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import { warmUpProvider } from '../openclaw/config.ts';
import { asAdmin, type Gateway } from '../openclaw/gateway.ts';
import type { GatewayConnection } from '../openclaw/gateway-client.ts';
import { patchConfig } from '../openclaw/patch-config.ts';
import { checkModel, type ModelCheck } from './model.ts';

export interface ModelProvider {
  provider: string;
  model: string | null;
  isDefault: boolean;
}

const note = 'model provider removed by the owner';

const Status = z.object({
  /** Why it can't tell yet. */
  unavailable: z.unknown().optional(),
  providers: z
    .array(
      z.object({
        provider: z.string(),
        profiles: z.array(z.object({ type: z.string() })).default([]),
      }),
    )
    .default([]),
});
const Model = z.union([z.string(), z.looseObject({ primary: z.string().optional() })]);
const Configured = z.object({
  config: z.looseObject({
    agents: z.looseObject({ defaults: z.looseObject({ model: Model.optional() }).optional() }).optional(),
    models: z
      .looseObject({
        providers: z
          .record(
            z.string(),
            z.looseObject({
              apiKey: z.unknown().optional(),
              models: z.array(z.looseObject({ id: z.string() })).optional(),
            }),
          )
          .optional(),
      })
      .optional(),
  }),
});

interface State {
  /** Keys in OpenClaw's own store. */
  stored: ReadonlySet<string>;
  /** Keys in its configuration, with the first model of each. */
  configured: ReadonlyMap<string, string | null>;
  selected: { provider: string; model: string } | null;
}

async function readState(connection: GatewayConnection): Promise<State> {
  const { config } = Configured.parse(await connection.request('config.get', {}));
  const ask = async (refresh: boolean) =>
    Status.parse(await connection.request('models.authStatus', refresh ? { refresh } : {}, 60_000));
  // What it holds ready is enough and at once; asking the providers anew takes seconds.
  const known = await ask(false);
  const status = known.unavailable === undefined ? known : await ask(true);
  const named = config.agents?.defaults?.model;
  const [provider = '', ...model] = (typeof named === 'string' ? named : (named?.primary ?? '')).split('/');
  const configured = Object.entries(config.models?.providers ?? {})
    .filter(([name, { apiKey }]) => name !== warmUpProvider && apiKey !== undefined)
    .map(([name, { models }]): [string, string | null] => [name, models?.[0]?.id ?? null]);
  const stored = status.providers.filter(({ profiles }) => profiles.some(({ type }) => type === 'api_key'));
  return {
    configured: new Map(configured),
    stored: new Set(stored.map((one) => one.provider)),
    selected: provider === '' ? null : { provider, model: model.join('/') },
  };
}

const providersOf = ({ stored, configured, selected }: State): ModelProvider[] =>
  [...new Set([...stored, ...configured.keys()])].sort().map((provider) => {
    const isDefault = selected?.provider === provider;
    return { provider, model: isDefault ? selected.model : (configured.get(provider) ?? null), isDefault };
  });

const unknown = (provider: string): ProductError =>
  new ProductError(
    'not_found',
    `This server has no key for ${provider}.`,
    'Load the list of providers again, or add its key.',
  );

/** Every provider that has a key here, wherever OpenClaw keeps it; never the key. Raises what the gateway refuses. */
export const listProviders = (gateway: Gateway): Promise<ModelProvider[]> =>
  asAdmin(gateway, async (connection) => providersOf(await readState(connection)));

/** A real, small call to the provider. Raises `not_found` where there is no key for it. */
export const testProvider = (gateway: Gateway, provider: string): Promise<ModelCheck> =>
  asAdmin(gateway, async (connection) => {
    const state = await readState(connection);
    if (!providersOf(state).some((one) => one.provider === provider)) throw unknown(provider);
    return checkModel(connection, provider);
  });

/**
 * Takes a provider's key off this server, from OpenClaw's store and from its configuration; one that was the
 * default is it no longer. Raises `not_found`, or what the gateway refuses.
 */
export const removeProvider = (gateway: Gateway, provider: string): Promise<void> =>
  asAdmin(gateway, async (connection) => {
    const { stored, configured, selected } = await readState(connection);
    if (!stored.has(provider) && !configured.has(provider)) throw unknown(provider);
    const deselected =
      selected?.provider === provider ? { agents: { defaults: { model: { primary: null } } } } : {};
    const taken = configured.has(provider) ? { models: { providers: { [provider]: null } } } : {};
    if (selected?.provider === provider || configured.has(provider)) {
      await patchConfig(connection, {
        patch: { ...deselected, ...taken },
        replacedLists: [`models.providers.${provider}.models`],
        note,
      });
    }
    if (stored.has(provider))
      await connection.request('models.authLogout', { provider, credentialType: 'api_key' }, 60_000);
  });
