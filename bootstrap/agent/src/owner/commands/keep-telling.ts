import type { CommandContext } from './context.ts';

/** A page that hears nothing for half a minute takes its server for gone. */
const everyMs = 10_000;

/** Says the last progress again while a long step has nothing new to say. */
export function keepTelling(progress: CommandContext['progress']): {
  tell: CommandContext['progress'];
  end(): void;
} {
  let last: Parameters<CommandContext['progress']> | null = null;
  const timer = setInterval(() => last && progress(...last), everyMs);
  return {
    tell(...said) {
      last = said;
      timer.refresh();
      progress(...said);
    },
    end: () => clearInterval(timer),
  };
}
