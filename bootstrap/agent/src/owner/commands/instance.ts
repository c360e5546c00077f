import type { Handlers } from './context.ts';

/** The running assistant. */
export const instanceCommands = {
  'instance.health': async (_, { health }) => health(),
  'gateway.restart': async (_, { restartGateway }) => {
    await restartGateway('owner');
    return { ok: true };
  },
} satisfies Handlers;
