import type { Handlers } from './context.ts';

/** Who may come in, for how long, and what they did. */
export const supportCommands = {
  'support.grant': (params, { support, device }) => support.grant(params, `owner:${device.name}`),
  'support.list': (_, { support }) => support.list(),
  'support.revoke': (params, { support, device }) => support.revoke(params, `owner:${device.name}`),
  'support.recording': (params, { support }) => support.recording(params),
  'audit.list': async ({ after, limit }, { audit }) => audit.list(after, limit),
} satisfies Handlers;
