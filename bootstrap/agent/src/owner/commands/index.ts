import { agentCommands } from './agent.ts';
import { attestCommands } from './attest.ts';
import { backupCommands } from './backup.ts';
import { configCommands } from './config.ts';
import type { Handlers } from './context.ts';
import { deviceCommands } from './devices.ts';
import { ejectCommands } from './eject.ts';
import { instanceCommands } from './instance.ts';
import { logCommands } from './logs.ts';
import { modelCommands } from './model.ts';
import { supportCommands } from './support.ts';
import { updateCommands } from './updates.ts';

/** Each command of the contract by its name; an area is a file here. */
export const handlers: Handlers = {
  ...agentCommands,
  ...instanceCommands,
  ...modelCommands,
  ...supportCommands,
  ...attestCommands,
  ...ejectCommands,
  ...configCommands,
  ...deviceCommands,
  ...logCommands,
  ...updateCommands,
  ...backupCommands,
};
