import type { z } from 'zod';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** @default 60000 */
  timeoutMs?: number;
  input?: string | Uint8Array;
  /** Runs as this user of the machine, without any of root's privileges. @default root */
  user?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** What is kept of each stream, at most. @default 1 MiB */
  maxBytes?: number;
}

/** What a verb of root may use. Everything it does to the machine goes through here, so that tests see it. */
export interface RootContext {
  paths: Paths;
  log: Log;
  /** Runs a program by its argument list; never a shell line. Raises only when it can't be started or takes too long. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** As `run`, but raises with the program's last words when it ends with another code than 0. */
  must(argv: readonly string[], options?: RunOptions): Promise<string>;
  progress(step: string, message: string, fraction?: number): void;
  signal: AbortSignal;
  now(): Date;
}

/** One thing that root does for the agent: checked parameters in, a checked result out, within a time limit. */
export interface RootVerb<P extends z.ZodType, R extends z.ZodType> {
  params: P;
  result: R;
  limitMs: number;
  /** Verbs of one group run one after another. */
  group?: string;
  work(params: z.output<P>, context: RootContext): Promise<z.input<R>>;
}

/** Keeps the types of a verb's parameters and result together. */
export const rootVerb = <P extends z.ZodType, R extends z.ZodType>(verb: RootVerb<P, R>): RootVerb<P, R> =>
  verb;
