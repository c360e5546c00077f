import { z } from 'zod';

/**
 * One request a connection, as a line of JSON; then any number of progress lines and one result or error line.
 */
export const RootRequest = z.object({ verb: z.string().max(60), params: z.unknown() });
export const RootAnswer = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    step: z.string().max(60),
    message: z.string().max(500),
    fraction: z.number().min(0).max(1).optional(),
  }),
  z.object({ type: z.literal('result'), value: z.unknown() }),
  z.object({
    type: z.literal('error'),
    error: z.object({ code: z.string().max(60), message: z.string().max(4000), fix: z.string().max(1000) }),
  }),
]);
export type RootAnswer = z.infer<typeof RootAnswer>;

/** A request is parameters, an answer may hold a log's tail or a piece of a file. */
export const rootLineLimitBytes = 4 * 1024 * 1024;
