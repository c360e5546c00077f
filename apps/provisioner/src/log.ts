/** One line of JSON per thing worth knowing. Callers pass ids and codes; texts of clouds and of the engine only redacted. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;

/** Writes to `write`, by default to standard output. */
export function createLog(
  write: (line: string) => void = (line) => void process.stdout.write(`${line}\n`),
): Log {
  return (level, message, fields = {}) =>
    write(JSON.stringify({ at: new Date().toISOString(), level, message, ...fields }));
}

/** What of an error may be logged: name, message and code; never its cause, which may quote a cloud. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'not an error object' };
  const code = (error as { code?: unknown }).code;
  return { error: error.name, ...(code === undefined ? {} : { code }), detail: error.message.slice(0, 500) };
}
