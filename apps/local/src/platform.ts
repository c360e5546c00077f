import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { buildAgentBundle } from '@claw-cloud/bootstrap/agent-bundle';
import { removeEmbedded, startEmbedded } from '@claw-cloud/db/embedded';
import { type Child, startChild } from './child.ts';
import { type LocalConfig, repositoryRoot } from './env.ts';
import { takeLock } from './lock.ts';
import { createProcessTable } from './process-table.ts';

export type PartName = 'sandbox' | 'api' | 'provisioner';

export interface Platform {
  /** The dashboard's and the API's address. */
  url: string;
  home: string;
  operatorToken: string;
  /** Names the agent that the api hands to new servers. */
  agentSha256: string;
  sandbox: { apiUrl: string; controlUrl: string; controlToken: string; modelUrl: string };
  postgresUrl(database: string): string;
  /** Kills a part with the signal; the launcher starts it again, as a supervisor on a server would. */
  kill(part: PartName, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the part answers again after a kill. */
  restarted(part: PartName): Promise<void>;
  child(part: PartName): Child;
  stop(): Promise<void>;
}

export interface PlatformOptions {
  config: LocalConfig;
  /** Throws away what an earlier run left in the home folder. */
  fresh: boolean;
  log: (line: string) => void;
  /** What the sandbox cloud's servers are: processes of this computer, or really booted Debian machines. @default processes */
  servers?: 'processes' | 'machines';
  /** Gives up the start; what had started is stopped. */
  signal?: AbortSignal;
  /** Extra environment by part, for tests. */
  extraEnv?: Partial<Record<PartName, Record<string, string>>>;
  nodeArguments?: Partial<Record<PartName, string[]>>;
}

/**
 * Starts the whole platform on this computer: Postgres and the data endpoint, the sandbox cloud, the api and the
 * provisioner. Raises an error that names the part when one does not start; what had started is stopped first.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { config, log } = options;
  const lock = takeLock(config.home);
  const cleanups: (() => Promise<void> | void)[] = [() => lock.release()];
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= (async () => {
      for (const cleanup of cleanups.reverse()) await cleanup();
    })();
    return stopping;
  };
  try {
    return await start(options, cleanups, stop, () => stopping !== null);
  } catch (error) {
    log('Stopping what had started.');
    await stop();
    throw error;
  }
}

async function start(
  { config, fresh, log, signal, servers = 'processes', extraEnv = {}, nodeArguments = {} }: PlatformOptions,
  cleanups: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
  isStopping: () => boolean,
): Promise<Platform> {
  const { home } = config;
  const processes = createProcessTable(join(home, 'processes.json'));
  const leftovers = processes.killLeftovers();
  if (leftovers.length) log(`Ended what an earlier run had left running: ${leftovers.join(', ')}.`);
  const controlPlaneDir = join(home, 'control-plane');
  const sandboxDir = join(home, 'sandbox');
  const dataDir = join(controlPlaneDir, 'data');
  if (fresh) {
    await removeEmbedded(dataDir);
    for (const dir of [controlPlaneDir, sandboxDir]) rmSync(dir, { recursive: true, force: true });
  }
  const logDir = join(controlPlaneDir, 'logs');
  const keyDir = join(controlPlaneDir, 'keys');
  for (const dir of [logDir, keyDir, sandboxDir]) mkdirSync(dir, { recursive: true });
  chmodSync(keyDir, 0o700);
  chmodSync(logDir, 0o700);
  chmodSync(sandboxDir, 0o700);

  const secrets = localSecrets(join(keyDir, 'local.json'));
  const [data, agent, port] = await Promise.all([
    startEmbedded({ dir: dataDir }),
    buildAgentBundle(join(config.cacheDir, 'agent')),
    freePort(config.preferredPort),
  ]);
  cleanups.push(() => data.stop());
  signal?.throwIfAborted();
  const url = `http://127.0.0.1:${port}`;
  const base = {
    PATH: `${dirname(process.execPath)}:${config.path}`,
    HOME: home,
    NODE_ENV: 'production',
    CLERK_TELEMETRY_DISABLED: '1',
  };
  const storeDir = join(config.cacheDir, 'instance-store');
  const supabase = {
    SUPABASE_URL: data.url,
    SUPABASE_SECRET_KEY: data.secretKey,
    SUPABASE_PUBLISHABLE_KEY: data.publishableKey,
    SUPABASE_JWT_SECRET: data.jwtSecret,
    QUEUE_DATABASE_URL: data.postgresUrl('queue'),
    PUBLIC_URL: url,
    NODE_NAME: 'local',
    AGENT_DIR: dirname(agent.path),
  };
  const entry = (path: string) => join(repositoryRoot, path);
  const children = new Map<PartName, Child>();
  const waiting = new Map<PartName, (() => void)[]>();

  const launch = async (part: PartName, entryFile: string, env: Record<string, string>, logFile: string) => {
    const child = await startChild({
      name: part,
      entry: entry(entryFile),
      env: { ...base, ...env, ...extraEnv[part] },
      logFile,
      nodeArguments: nodeArguments[part] ?? [],
      // A lab may have to clear up after one that was killed.
      ...(part === 'sandbox' && servers === 'machines' ? { readyTimeoutMs: 180_000 } : {}),
    });
    processes.add(part, child.pid);
    children.set(part, child);
    for (const wake of waiting.get(part) ?? []) wake();
    waiting.delete(part);
    void child.exited.then(() => {
      processes.remove(child.pid);
      if (isStopping()) return;
      log(`${part} ended; starting it again.`);
      launch(part, entryFile, env, logFile).catch((error: Error) => log(error.message));
    });
    return child;
  };

  // In this order at the end: no new work, then the servers, then the api.
  cleanups.push(() => children.get('api')?.stop());
  cleanups.push(() => children.get('sandbox')?.stop());
  cleanups.push(() => children.get('provisioner')?.stop(40_000));
  const sandboxPorts = { api: await freePort(0), model: await freePort(0) };
  const sandboxEnv = {
    SANDBOX_PORT: String(sandboxPorts.api),
    SANDBOX_MODEL_PORT: String(sandboxPorts.model),
    SANDBOX_CONTROL_TOKEN: secrets.sandboxControlToken,
    SANDBOX_STATE_DIR: sandboxDir,
    SANDBOX_STORE_DIR: storeDir,
    SANDBOX_NODE_BIN_DIR: dirname(process.execPath),
    // Machines have a network of their own: the api's port is shown to them there.
    ...(servers === 'machines' ? { SANDBOX_EXPOSE_PORT: String(port), CLAW_CACHE: config.cacheDir } : {}),
  };
  const sandboxChild = launch(
    'sandbox',
    servers === 'machines' ? 'apps/local/src/machine-sandbox.ts' : 'packages/fake-clouds/src/main.ts',
    sandboxEnv,
    join(sandboxDir, 'sandbox.log'),
  );
  const machineEnv: MachineEnvironment =
    servers === 'machines' ? machineEnvironment(await sandboxChild) : { api: {}, provisioner: {} };
  const apiChild = launch(
    'api',
    'apps/api/src/main.ts',
    {
      ...supabase,
      ...machineEnv.api,
      PORT: String(port),
      HOST: '127.0.0.1',
      AUTH_KIND: 'local',
      AUTH_DATABASE_URL: data.postgresUrl('auth'),
      AUTH_SECRET: secrets.authSecret,
      AUTHORIZED_PARTIES: url,
      WEB_DIR: entry('apps/web/dist'),
      LOCAL_OPERATOR_TOKEN: secrets.operatorToken,
      SANDBOX: '1',
    },
    join(logDir, 'api.log'),
  );
  const provisionerChild = launch(
    'provisioner',
    'apps/provisioner/src/main.ts',
    {
      ...supabase,
      ...machineEnv.provisioner,
      PULUMI_BACKEND_URL: data.postgresUrl('pulumi'),
      KEK_FILE: join(keyDir, 'kek.json'),
      INTAKE_KEY_FILE: join(keyDir, 'intake.json'),
      SANDBOX_CLOUD_URL: `http://127.0.0.1:${sandboxPorts.api}/v1`,
      CLAW_CACHE: config.cacheDir,
    },
    join(logDir, 'provisioner.log'),
  );
  const started = await Promise.allSettled([sandboxChild, apiChild, provisionerChild]);
  for (const result of started) if (result.status === 'rejected') throw result.reason;
  signal?.throwIfAborted();
  const ready = (await sandboxChild).ready;
  const text = (key: string) => String(ready[key] ?? '');
  return {
    url,
    home,
    operatorToken: secrets.operatorToken,
    agentSha256: agent.sha256,
    sandbox: {
      apiUrl: text('apiUrl'),
      controlUrl: text('controlUrl'),
      modelUrl: text('modelUrl'),
      controlToken: secrets.sandboxControlToken,
    },
    postgresUrl: data.postgresUrl,
    child: (part) => {
      const child = children.get(part);
      if (!child) throw new Error(`${part} is not running`);
      return child;
    },
    async kill(part, signal) {
      const child = children.get(part);
      child?.kill(signal);
      await child?.exited;
    },
    restarted: (part) =>
      children.get(part)?.alive()
        ? Promise.resolve()
        : new Promise((resolve) => waiting.set(part, [...(waiting.get(part) ?? []), resolve])),
    stop,
  };
}

interface MachineEnvironment {
  api: Record<string, string>;
  provisioner: Record<string, string>;
}

/** Where booted machines find the api and their packages, as the sandbox's ready line says. */
function machineEnvironment({ ready }: Child): MachineEnvironment {
  const { exposedUrl, npmRegistry } = ready;
  if (typeof exposedUrl !== 'string' || typeof npmRegistry !== 'string')
    throw new Error('The sandbox cloud did not say where its machines reach the api.');
  return {
    api: { MACHINE_URL: exposedUrl },
    provisioner: { MACHINE_URL: exposedUrl, INSTANCE_NPM_REGISTRY: npmRegistry },
  };
}

function localSecrets(file: string): {
  authSecret: string;
  operatorToken: string;
  sandboxControlToken: string;
} {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const fresh = () => randomBytes(32).toString('base64url');
  const secrets = { authSecret: fresh(), operatorToken: fresh(), sandboxControlToken: fresh() };
  writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
  return secrets;
}

/** Below the range that systems hand out by themselves: between our look and the child's start nobody is given it. */
const ownPorts = { first: 20_000, count: 12_000 };
const portTries = 50;

/** The preferred loopback port when it is free, else a free one. */
async function freePort(preferred: number): Promise<number> {
  if (preferred !== 0 && (await isFree(preferred))) return preferred;
  for (let attempt = 1; attempt <= portTries; attempt += 1) {
    const port = ownPorts.first + randomInt(ownPorts.count);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port on 127.0.0.1');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(false) : reject(error),
    );
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
