import { join } from 'node:path';
import { createControl } from './control/control.ts';
import type { HetznerCloud, HetznerCloudOptions } from './hetzner/cloud.ts';
import { createHetznerCloud } from './hetzner/cloud.ts';
import { type Listening, listen } from './listen.ts';
import type { MachineDriver } from './machines/driver.ts';
import type { ProcessSandboxOptions } from './machines/process-sandbox/process-sandbox.ts';
import { openProcessSandbox } from './machines/process-sandbox/process-sandbox.ts';
import type { ModelServer, ModelServerOptions } from './model-server/model-server.ts';
import { createModelServer, SANDBOX_MODEL_ID } from './model-server/model-server.ts';

export interface SandboxOptions {
  /** Port of API and control endpoint; 0 takes a free one. */
  port: number;
  /** Port of the model server; 0 takes a free one. */
  modelPort: number;
  controlToken: string;
  stateDir: string;
  storeDir: string;
  nodeBinDir: string;
  imageFiles?: Record<string, string>;
  /** Names the sandbox's model server to machines in `/etc/claw/model.json`. @default true */
  modelFile?: boolean;
  keepMachines?: boolean;
  machineEnv?: Record<string, string>;
  machines?: Pick<ProcessSandboxOptions, 'graceMs'>;
  /** Servers of another kind than processes of this computer. */
  machineRoom?: MachineRoom;
  cloud?: Pick<
    HetznerCloudOptions,
    'tokens' | 'actionMs' | 'limits' | 'catalogue' | 'omitDatacenter' | 'validate' | 'now'
  >;
  model?: ModelServerOptions;
  log?: (line: string) => void;
}

/** Where servers stand that are more than processes of this computer. */
export interface MachineRoom {
  /** The address under which machines reach a port of this computer's loopback: an origin, no slash at its end. */
  addressOf(port: number): Promise<string>;
  open(image: { files: Record<string, string> }): Promise<MachineDriver & { close(): Promise<void> }>;
}

export interface Sandbox {
  /** The Hetzner API, `/v1` included: what a provider takes as its endpoint. */
  apiUrl: string;
  modelUrl: string;
  controlUrl: string;
  cloud: HetznerCloud;
  model: ModelServer;
  /** Stops all machines, keeping their disks, and closes the ports. */
  close(): Promise<void>;
}

/** Where a machine finds which model it may use; the image brings it. */
export const MODEL_FILE = '/etc/claw/model.json';

/**
 * The whole sandbox cloud in this process: API, control endpoint, model server and machines. Throws when the state
 * folder is in use by another process or a port is taken.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const log = options.log ?? (() => undefined);
  const startedAt = options.cloud?.now?.() ?? new Date();
  const model = createModelServer(options.model);
  const modelListener = await listen(model.app.fetch, options.modelPort);
  const modelUrl = `${modelListener.origin}/v1`;
  const machines = await openMachines(options, modelListener).catch(async (error: unknown) => {
    await modelListener.close();
    throw error;
  });
  const cloud = createHetznerCloud({
    ...options.cloud,
    machines,
    stateFile: join(options.stateDir, 'cloud.json'),
    log,
  });
  const control = createControl({ cloud, token: options.controlToken, startedAt });
  const fetch: Parameters<typeof listen>[0] = (request, env) =>
    new URL(request.url).pathname.startsWith('/control/')
      ? control.fetch(request, env)
      : cloud.app.fetch(request, env);
  const apiListener = await listen(fetch, options.port).catch(async (error: unknown) => {
    await cloud.close();
    await machines.stopAll();
    await Promise.all([machines.close(), modelListener.close()]);
    throw error;
  });
  await cloud.ready;
  return {
    apiUrl: `${apiListener.origin}/v1`,
    controlUrl: `${apiListener.origin}/control`,
    modelUrl,
    cloud,
    model,
    async close() {
      await apiListener.close();
      await cloud.close();
      if (!options.keepMachines) await machines.stopAll();
      await machines.close();
      await modelListener.close();
    },
  };
}

async function openMachines(
  options: SandboxOptions,
  { origin, port }: Listening,
): Promise<MachineDriver & { close(): Promise<void> }> {
  const room = options.machineRoom;
  const reachable = room ? await room.addressOf(port) : origin;
  const modelFile = {
    provider: {
      id: 'sandbox',
      baseUrl: `${reachable}/v1`,
      apiKey: 'sandbox',
      api: 'openai-completions',
    },
    model: { id: SANDBOX_MODEL_ID, name: "The sandbox's own small model" },
  };
  const files = {
    ...(options.modelFile === false ? {} : { [MODEL_FILE]: `${JSON.stringify(modelFile, null, 2)}\n` }),
    ...options.imageFiles,
  };
  if (room) return room.open({ files });
  return openProcessSandbox({
    ...options.machines,
    stateDir: options.stateDir,
    storeDir: options.storeDir,
    nodeBinDir: options.nodeBinDir,
    imageFiles: files,
    ...(options.machineEnv ? { env: options.machineEnv } : {}),
    ...(options.keepMachines ? { keepMachines: true } : {}),
  });
}
