import { type OwnerCommandName, type OwnerFrame, ownerCommands, ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { CommandContext } from './commands/context.ts';
import { handlers } from './commands/index.ts';

type Command = Extract<OwnerFrame, { type: 'command' }>;
type Answer = Extract<OwnerFrame, { type: 'result' | 'error' }>;

const isCommand = (name: string): name is OwnerCommandName =>
  Object.hasOwn(ownerCommands, name) && Object.hasOwn(handlers, name);

function toError(error: unknown): { code: string; message: string; fix: string } {
  if (error instanceof ProductError) return { code: error.code, message: error.message, fix: error.fix };
  if (error instanceof z.ZodError) {
    const issue = error.issues[0];
    return {
      code: 'invalid_request',
      message: `${issue?.path.join('.') || 'The command'}: ${issue?.message ?? 'is malformed'}`,
      fix: 'Correct it and send it again.',
    };
  }
  return {
    code: 'unavailable',
    message: error instanceof Error ? error.message.slice(0, 500) : 'OpenClaw did not answer.',
    fix: 'Try again in a moment. If it happens again, restart OpenClaw.',
  };
}

/** Carries out an owner's command; its failure is an answer too. Never raises. */
export async function answerCommand(context: CommandContext, { id, name, params }: Command): Promise<Answer> {
  try {
    if (!isCommand(name)) {
      throw new ProductError(
        'not_found',
        `This agent knows no command "${name}".`,
        'Update the agent, or reload the page.',
      );
    }
    // The table's types pair each handler with its own parameters; here the name is only known at run time.
    const handler = handlers[name] as (params: unknown, context: CommandContext) => Promise<unknown>;
    return { type: 'result', id, ok: true, value: await handler(ownerCommands[name].parse(params), context) };
  } catch (error) {
    return { type: 'error', id, ok: false, error: toError(error) };
  }
}
