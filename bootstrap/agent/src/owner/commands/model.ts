import { getModel, setModel } from '../model.ts';
import { listProviders, removeProvider, testProvider } from '../providers.ts';
import type { Handlers } from './context.ts';

/** Which model answers, and the keys of its providers. */
export const modelCommands = {
  'model.set': (params, { gateway }) => setModel(gateway, params),
  'model.get': (_, { gateway }) => getModel(gateway),
  'model.list': async (_, { gateway }) => ({ providers: await listProviders(gateway) }),
  'model.test': ({ provider }, { gateway }) => testProvider(gateway, provider),
  'model.remove': async ({ provider }, { gateway, log }) => {
    await removeProvider(gateway, provider);
    log('the owner removed a model provider');
    return { ok: true };
  },
} satisfies Handlers;
