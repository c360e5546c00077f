export type Environment = Readonly<Record<string, string | undefined>>;

/** What a stand-in reads of its environment: the settings of the official provider, and one of its own. */
export function environment(env: Environment = process.env): {
  all: Environment;
  imitateWaits: boolean;
} {
  return { all: env, imitateWaits: env.CLAW_STAND_IN_WAITS === 'official' };
}
