import { type InstanceHealth, type OwnerFrame, ownerCommands, ProductError } from '@claw-cloud/contracts';
import { z } from 'zod';
import type { Gateway } from '../openclaw/gateway.ts';
import { getModel, setModel } from './model.ts';

type Command = Extract<OwnerFrame, { type: 'command' }>;
type Answer = Extract<OwnerFrame, { type: 'result' | 'error' }>;

export interface CommandContext {
  gateway: Gateway;
  health: () => InstanceHealth;
}

type Handler = (context: CommandContext, params: Record<string, unknown>) => Promise<unknown>;

/** Each command of the contract, with its parameters checked; a new one is a line here. */
const handlers: { [name in keyof typeof ownerCommands]: Handler } = {
  'model.set': ({ gateway }, params) => setModel(gateway, ownerCommands['model.set'].parse(params)),
  'model.get': ({ gateway }) => getModel(gateway),
  'instance.health': async ({ health }) => health(),
};

const isCommand = (name: string): name is keyof typeof handlers => Object.hasOwn(handlers, name);

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
    return { type: 'result', id, ok: true, value: await handlers[name](context, params) };
  } catch (error) {
    return { type: 'error', id, ok: false, error: toError(error) };
  }
}
