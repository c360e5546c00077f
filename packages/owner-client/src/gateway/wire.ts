import { z } from 'zod';

/**
 * The parts of OpenClaw's gateway protocol v4 that are read here, loosely: fields of ours are checked, what
 * a newer gateway adds passes through unseen.
 */
export const GatewayFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('res'),
    id: z.string(),
    ok: z.boolean(),
    payload: z.unknown().optional(),
    error: z
      .object({
        code: z.string(),
        message: z.string(),
        retryable: z.boolean().optional(),
        details: z.unknown().optional(),
      })
      .optional(),
  }),
  z.object({ type: z.literal('event'), event: z.string(), payload: z.unknown().optional() }),
]);
export type GatewayEvent = { type: 'event'; event: string; payload?: unknown };

export const Session = z.object({
  key: z.string(),
  label: z.string().nullish(),
  derivedTitle: z.string().nullish(),
  lastMessagePreview: z.string().nullish(),
  updatedAt: z.number().nullish(),
  hasActiveRun: z.boolean().nullish(),
  archived: z.boolean().nullish(),
});
export type Session = z.infer<typeof Session>;
export const SessionList = z.object({ sessions: z.array(Session) });

const ContentPart = z.object({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  arguments: z.unknown().optional(),
});
const Content = z.union([z.string(), z.array(ContentPart)]);

/** A row of a session's transcript. */
export const TranscriptMessage = z.object({
  role: z.string(),
  content: Content.optional(),
  timestamp: z.number().optional(),
  idempotencyKey: z.string().optional(),
  stopReason: z.string().nullish(),
  provider: z.string().nullish(),
  model: z.string().nullish(),
  toolCallId: z.string().optional(),
  toolName: z.string().optional(),
  isError: z.boolean().optional(),
  openclawAbort: z.object({ aborted: z.boolean() }).nullish(),
  __openclaw: z.object({ id: z.string().optional(), runId: z.string().nullish() }).optional(),
});
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;

/** The answer of `chat.history`. */
export const History = z.object({
  messages: z.array(z.unknown()),
  hasMore: z.boolean().nullish(),
  sessionInfo: z.object({ hasActiveRun: z.boolean().nullish() }).nullish(),
  inFlightRun: z
    .object({
      runId: z.string(),
      text: z.string().nullish(),
      startedAt: z.number().nullish(),
      events: z.array(z.unknown()).nullish(),
    })
    .nullish(),
});
export type History = z.infer<typeof History>;

/** Payload of the event `chat`. */
export const ChatEvent = z.object({
  runId: z.string(),
  sessionKey: z.string(),
  state: z.enum(['status', 'delta', 'final', 'error', 'aborted']),
  phase: z.string().optional(),
  replace: z.boolean().optional(),
  message: z.object({ content: Content.optional(), timestamp: z.number().optional() }).nullish(),
  errorMessage: z.string().optional(),
});
export type ChatEvent = z.infer<typeof ChatEvent>;

/** Payload of the event `agent`: one of many streams of a run. */
export const AgentEvent = z.object({
  runId: z.string(),
  sessionKey: z.string(),
  stream: z.string(),
  data: z.record(z.string(), z.unknown()),
  ts: z.number().optional(),
});
export type AgentEvent = z.infer<typeof AgentEvent>;

/** An approval as `exec.approval.requested` and `exec.approval.list` say it. */
export const ExecApproval = z.object({
  id: z.string(),
  request: z.object({
    command: z.string(),
    cwd: z.string().nullish(),
    host: z.string().nullish(),
    warningText: z.string().nullish(),
    sessionKey: z.string().nullish(),
    toolCallId: z.string().nullish(),
    allowedDecisions: z.array(z.string()).nullish(),
  }),
  createdAtMs: z.number().nullish(),
  expiresAtMs: z.number().nullish(),
});

/** An approval as `session.approval` and the replay of a subscription say it. */
export const SessionApproval = z.object({
  id: z.string(),
  status: z.string(),
  presentation: z.object({
    kind: z.string(),
    commandText: z.string().nullish(),
    warningText: z.string().nullish(),
    host: z.string().nullish(),
    allowedDecisions: z.array(z.string()).nullish(),
  }),
  createdAtMs: z.number().nullish(),
  expiresAtMs: z.number().nullish(),
});
