/** What a log line may carry. Anything else, above all headers, bodies and query strings, has no field to go into. */
export interface LogFields {
  readonly method?: string;
  /** The route's template, e.g. /v1/instances/{id}; never the path that was asked for. */
  readonly route?: string;
  readonly status?: number;
  readonly ms?: number;
  readonly requestId?: string;
  readonly ownerId?: string;
  readonly instanceId?: string;
  readonly epoch?: number;
  /** A code of ours, a close code, or the name of an error's class. */
  readonly reason?: string;
  /** Where in our own code an unexpected error came from: file names and lines. */
  readonly at?: string;
  readonly count?: number;
}

type Level = 'info' | 'warn' | 'error';
export type Log = Record<Level, (event: string, fields?: LogFields) => void>;

const fieldNames: readonly (keyof LogFields)[] = [
  'method',
  'route',
  'status',
  'ms',
  'requestId',
  'ownerId',
  'instanceId',
  'epoch',
  'reason',
  'at',
  'count',
];

/** Writes one line of JSON per event, with the fields of {@link LogFields} alone, each at most 300 characters. */
export function createLog(write: (line: string) => void, now: () => Date = () => new Date()): Log {
  const at =
    (level: Level) =>
    (event: string, fields: LogFields = {}) => {
      const line: Record<string, unknown> = { t: now().toISOString(), level, event };
      for (const name of fieldNames) {
        const value = fields[name];
        if (value !== undefined) line[name] = typeof value === 'string' ? value.slice(0, 300) : value;
      }
      write(`${JSON.stringify(line)}\n`);
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * What may be logged of an unexpected error: its class, its code, and the places in our code it passed. Its message
 * stays out: it may quote what somebody sent.
 */
export function describeError(error: unknown): { reason: string; at?: string } {
  if (!(error instanceof Error)) return { reason: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? `:${error.code}` : '';
  const places = (error.stack ?? '')
    .split('\n')
    .flatMap((line) => /^ {4}at .*?([\w.-]+\.(?:ts|mjs|js|cjs):\d+):\d+\)?$/.exec(line)?.[1] ?? [])
    .slice(0, 6);
  return { reason: `${error.name}${code}`, ...(places.length > 0 ? { at: places.join(' < ') } : {}) };
}
