import type { GatewayDevice } from '../keys.ts';
import type { Log } from '../log.ts';
import type { WarmUpModel } from './config.ts';
import type { Gateway } from './gateway.ts';
import type { Supervisor } from './supervisor.ts';

export interface Started {
  supervisor: Supervisor;
  gateway: Gateway;
}

/**
 * How OpenClaw runs here: as the agent's own child (process sandbox) or as systemd's unit beside it (a server). The
 * steps are taken in this order.
 */
export interface OpenClawDriver {
  /** Whether the version is here already, so that nobody need be told of installing it. */
  isInstalled(version: string): boolean;
  /** Resolves with the version that will run. Raises when it can't be had. */
  install(version: string, log: Log): Promise<string>;
  /** Settings that hold before the start; `standInUrl` is the warm-up's model. */
  configure(standInUrl: string): Promise<void>;
  create(device: GatewayDevice): Started;
  /** What answers the first turn, once the gateway is ready. */
  warmUpModel(gateway: Gateway, standInUrl: string): Promise<WarmUpModel>;
}
