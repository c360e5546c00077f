import { totalmem } from 'node:os';
import { ensureOpenClaw, type OpenClawInstall } from '../../install/index.ts';
import type { AgentEnvironment } from '../env.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import { gatewayToken, type WarmUpModel, writeOpenClawConfig } from './config.ts';
import type { OpenClawDriver } from './driver.ts';
import { createSupervisor } from './supervisor.ts';

export interface ChildDriverOptions {
  env: AgentEnvironment;
  paths: Paths;
  log: Log;
  signal: AbortSignal;
}

/** OpenClaw's heap: half the memory, at least what a few turns need and at most what they ever use. */
function heapMb(processSandbox: boolean): number {
  const half = Math.round(totalmem() / 2 ** 20 / 2);
  return Math.min(Math.max(half, 1024), processSandbox ? 1536 : 4096);
}

/** OpenClaw as the agent's own child, in one user's folders: nothing of it needs root or a service manager. */
export function createChildDriver({ env, paths, log, signal }: ChildDriverOptions): OpenClawDriver {
  const token = gatewayToken(env, paths);
  let install: OpenClawInstall | null = null;
  let warmUpModel: WarmUpModel = 'stand-in';
  return {
    isInstalled: () => false,
    async install(version, note) {
      install = await ensureOpenClaw({
        storeDir: paths.store,
        nodeBin: process.execPath,
        path: env.path,
        npmEnvironment: env.npm,
        version,
        log: note,
        signal,
      });
      return install.version;
    },
    async configure(standInUrl) {
      warmUpModel = writeOpenClawConfig({ paths, port: env.gatewayPort, standInUrl, log });
    },
    create(device) {
      if (!install) throw new Error('OpenClaw is started before it is installed');
      const supervisor = createSupervisor({
        nodeBin: process.execPath,
        packageDir: install.path,
        compileCache: install.compileCache,
        port: env.gatewayPort,
        token,
        paths,
        path: env.path,
        heapMb: heapMb(env.processSandbox),
        log,
      });
      const { version } = install;
      return {
        supervisor,
        gateway: {
          port: env.gatewayPort,
          token,
          device,
          state: supervisor.state,
          version: () => version,
        },
      };
    },
    warmUpModel: async () => warmUpModel,
  };
}
