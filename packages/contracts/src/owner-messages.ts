import { z } from 'zod';

/**
 * Inside the owner channel every message is JSON text of one of these shapes.
 *
 * `gateway` frames are OpenClaw's gateway protocol v4, unchanged, both ways; the agent answers `connect`
 * itself (it signs in with its own device identity) and passes everything else through.
 * `owner` frames are commands to the agent that only an owner may give.
 */
export const OwnerFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('gateway'), frame: z.record(z.string(), z.unknown()) }),
  z.object({
    type: z.literal('gateway.status'),
    status: z.enum(['connected', 'disconnected']),
    hello: z.record(z.string(), z.unknown()).optional(),
    reason: z.string().optional(),
  }),
  z.object({
    type: z.literal('command'),
    id: z.string().max(64),
    name: z.string().max(64),
    params: z.record(z.string(), z.unknown()),
  }),
  z.object({ type: z.literal('result'), id: z.string().max(64), ok: z.literal(true), value: z.unknown() }),
  z.object({
    type: z.literal('error'),
    id: z.string().max(64),
    ok: z.literal(false),
    error: z.object({ code: z.string(), message: z.string(), fix: z.string() }),
  }),
]);
export type OwnerFrame = z.infer<typeof OwnerFrame>;

/** Commands an owner may give the agent. */
export const ownerCommands = {
  /** Stores a model provider's key on the instance and makes its model the default. */
  'model.set': z.object({
    provider: z.enum(['openai', 'anthropic', 'custom']),
    apiKey: z.string().min(1).max(500),
    /** The model's id at the provider; the provider's default of the agent when absent. */
    model: z.string().max(120).optional(),
    /** Only for `custom`: an OpenAI-compatible endpoint. */
    baseUrl: z.url().max(300).optional(),
  }),
  'model.get': z.object({}),
  'instance.health': z.object({}),
} as const;
export type OwnerCommandName = keyof typeof ownerCommands;

/** The WebSocket subprotocols: of the owner channel through the api, and of an instance's tunnel. */
export const ownerChannelProtocol = 'claw.owner.v1';
export const tunnelProtocol = 'claw.tunnel.v1';
/** A browser can't set headers on a WebSocket: the session token rides as a second subprotocol with this prefix. */
export const bearerProtocolPrefix = 'bearer.';
/** One WebSocket message of the owner channel through the relay is at most this long. */
export const relayMessageLimitBytes = 1024 * 1024;

/** Close codes of both WebSockets. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  tooLarge: 1009,
  internal: 1011,
  unauthenticated: 4401,
  notFound: 4404,
  offline: 4503,
  refused: 4403,
  replaced: 4409,
} as const;
