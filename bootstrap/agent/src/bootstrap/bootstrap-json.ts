import { BootstrapConfig } from '@claw-cloud/contracts';
import { z } from 'zod';
import { readIfThere, writePrivate } from '../private-file.ts';

/** What stays of the file once the secrets in it were used: enough to find the agent again, and whose machine it is. */
const UsedConfig = BootstrapConfig.omit({ registrationToken: true, owners: true });
export type BornWith = z.infer<typeof UsedConfig> & {
  /** Whether the secrets are gone, for a registration has used them. */
  registered: boolean;
};

/** What the machine was born with, secrets aside; null where the file is missing or damaged. */
export function readBornWith(path: string): BornWith | null {
  try {
    const json: unknown = JSON.parse(readIfThere(path) ?? 'null');
    return { ...UsedConfig.parse(json), registered: !BootstrapConfig.safeParse(json).success };
  } catch {
    return null;
  }
}

/** The configuration this machine was born with; null when its secrets were used already. */
export function readBootstrapJson(path: string): BootstrapConfig | null {
  const text = readIfThere(path);
  if (text === null) throw new Error(`${path} is missing: this machine was not made by a deploy`);
  const json: unknown = JSON.parse(text);
  const config = BootstrapConfig.safeParse(json);
  if (config.success) return config.data;
  if (UsedConfig.safeParse(json).success) return null;
  throw new Error(`${path} is damaged: ${z.prettifyError(config.error).slice(0, 300)}`);
}

/** Takes the one-time token and the enrolment out of the file, durably; bootstrap.sh still finds the agent by it. */
export function wipeBootstrapJson(path: string): void {
  const json = z.looseObject({}).parse(JSON.parse(readIfThere(path) ?? '{}'));
  const { registrationToken, owners, ...rest } = json;
  if (registrationToken === undefined && owners === undefined) return;
  writePrivate(path, `${JSON.stringify(rest, null, 1)}\n`);
}
