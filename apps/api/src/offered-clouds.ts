import type { Cloud } from '@claw-cloud/contracts';
import { knownClouds } from '@claw-cloud/providers/clouds';
import type { ApiConfig } from './config.ts';

/** The clouds of this installation: the sandbox only where it runs. */
export const offeredClouds = (config: Pick<ApiConfig, 'sandbox'>): Cloud[] =>
  knownClouds().filter(({ sandbox }) => config.sandbox || !sandbox);
