import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEnvironment } from '../env.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import type { Root } from '../root/client.ts';
import { gatewayUnit } from '../root/verbs/gateway.ts';
import { gatewayToken, standInSettings, warmUpModelOf, warmUpProvider } from './config.ts';
import type { OpenClawDriver } from './driver.ts';
import { asAdmin } from './gateway.ts';
import { patchConfig } from './patch-config.ts';
import { createServiceSupervisor } from './service-supervisor.ts';
import { createUnit } from './unit.ts';

export interface ServiceDriverOptions {
  env: AgentEnvironment;
  paths: Paths;
  root: Root;
  log: Log;
}

const Manifest = z.object({ version: z.string().max(40) });
const Snapshot = z.object({ config: z.looseObject({}) });

/** The version of the OpenClaw in use on a server; null where none is. */
export function currentOpenClaw(paths: Pick<Paths, 'openclawCurrent'>): string | null {
  try {
    const text = readFileSync(join(paths.openclawCurrent, 'package.json'), 'utf8');
    return Manifest.parse(JSON.parse(text)).version;
  } catch {
    return null;
  }
}

/**
 * OpenClaw as systemd's unit under a user of its own, whose files the agent can't read: root installs and starts it,
 * `gateway-config` enforces its settings before every start, and the rest goes through its gateway.
 */
export function createServiceDriver({ env, paths, root, log }: ServiceDriverOptions): OpenClawDriver {
  const token = gatewayToken(env, paths);
  return {
    // Another version than the machine was born with is an update's, and stays.
    isInstalled: () => currentOpenClaw(paths) !== null,
    async install(version, note) {
      const current = currentOpenClaw(paths);
      if (current !== null) return current;
      note(`OpenClaw ${version} is not there yet`);
      await root.ask('openclaw.install', { version }, { onProgress: (_, message) => note(message) });
      await root.ask('openclaw.use', { version });
      return version;
    },
    configure: async () => undefined,
    create(device) {
      const unit = createUnit(gatewayUnit);
      const supervisor = createServiceSupervisor({ root, unit, port: env.gatewayPort, log });
      return {
        supervisor,
        gateway: {
          port: env.gatewayPort,
          token,
          device,
          state: supervisor.state,
          version: () => currentOpenClaw(paths),
        },
      };
    },
    warmUpModel: (gateway, standInUrl) =>
      asAdmin(gateway, async (connection) => {
        const { config } = Snapshot.parse(await connection.request('config.get', {}));
        const model = warmUpModelOf(paths, config);
        if (model === 'stand-in') {
          await patchConfig(connection, {
            patch: { models: { providers: { [warmUpProvider]: standInSettings(standInUrl) } } },
            replacedLists: [`models.providers.${warmUpProvider}.models`],
            note: 'warms up',
          });
        }
        return model;
      }),
  };
}
