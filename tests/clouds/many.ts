import { setTimeout as delay } from 'node:timers/promises';
import { createLog, startApi } from '@claw-cloud/api';
import { cloudTag, type Instance, newId } from '@claw-cloud/contracts';
import { freePort } from '@claw-cloud/db/testing';
import {
  createFaultBoard,
  type FakeCloud,
  type FakeCloudOptions,
  type FaultRequest,
} from '@claw-cloud/fake-clouds';
import { type EngineMemory, watchEngineMemory } from './engine-memory.ts';
import { createHomeCallers } from './home-callers.ts';
import { createLab, type Lab, type ProvisionerProcess } from './lab.ts';

/** What goes wrong, and how often. */
export const ordinaryTrouble: readonly FaultRequest[] = [
  { kind: 'error_after_effect', probability: 0.05 },
  { kind: 'error_after_effect', match: { makes: 'firewall' }, probability: 0.05 },
  { kind: 'rate_limit', match: { path: '/**' }, probability: 0.05, delayMs: 1_000 },
  { kind: 'never_boots', probability: 0.02 },
];

export interface ManyOptions {
  readonly clouds: readonly ((options: FakeCloudOptions) => Promise<FakeCloud>)[];
  readonly deploys: number;
  /** Of the provisioner, by SIGKILL. */
  readonly killEveryMs: number;
  readonly atOnce: number;
  readonly bootTimeoutMs: number;
  readonly limitMs: number;
  readonly seed: number;
  readonly trouble?: readonly FaultRequest[];
  readonly log: (line: string) => void;
}

export interface ManyResult {
  readonly ms: number;
  readonly kills: number;
  readonly ready: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Instances that came to no end in time, with their states. */
  readonly undecided: readonly string[];
  /** Tags of ready instances without exactly one server, and of others with any. */
  readonly wrong: readonly string[];
  /** Servers that no instance owns. */
  readonly strays: number;
  readonly serversAlive: number;
  /** Tags that ever had two servers at once. */
  readonly twice: readonly string[];
  readonly struck: Readonly<Record<string, number>>;
  readonly memory: EngineMemory;
}

/**
 * Many deploys at once over pretend clouds that misbehave, the provisioner killed again and again, the rest of the
 * product real: api, database, queue, engine, plugins. Ends when every instance is ready, or has failed and is clean.
 */
export async function manyAtOnce(options: ManyOptions): Promise<ManyResult> {
  const { log } = options;
  const port = await freePort(0);
  const apiUrl = `http://127.0.0.1:${port}`;
  const random = seeded(options.seed);
  const machines = () => createHomeCallers({ apiUrl, log });
  const clouds: FakeCloud[] = [];
  for (const start of options.clouds)
    clouds.push(
      await start({
        machines: machines(),
        faults: createFaultBoard({ random }),
        serverLimit: options.deploys,
        requestsPerHour: 1_000_000,
      }),
    );
  const lab = await createLab({
    clouds,
    environment: {
      PUBLIC_URL: apiUrl,
      PROVISIONER_CONCURRENCY: String(options.atOnce),
      BOOT_TIMEOUT_MS: String(options.bootTimeoutMs),
      ENGINE_TIMEOUT_MS: '180000',
      SWEEP_MS: '1000',
      RETRY_FIRST_MS: '1000',
      RETRY_LONGEST_MS: '5000',
    },
  });
  try {
    const api = await apiOver(lab, port);
    try {
      return await run(lab, clouds, options);
    } finally {
      await api.stop();
    }
  } finally {
    await lab.close();
  }
}

async function run(lab: Lab, clouds: readonly FakeCloud[], options: ManyOptions): Promise<ManyResult> {
  let provisioner = await lab.startProvisioner();
  const credentials: string[] = [];
  for (const cloud of clouds) credentials.push((await lab.account(cloud, 'many')).id);
  // Only now: credentials are proven elsewhere, and there is one per cloud here.
  for (const cloud of clouds) for (const fault of options.trouble ?? ordinaryTrouble) cloud.faults.add(fault);

  const memory = watchEngineMemory((operationId) => lab.log.some((line) => line.includes(operationId)));
  const started = performance.now();
  const owned = new Map<string, FakeCloud>();
  for (let n = 0; n < options.deploys; n += 1) {
    const cloud = clouds[n % clouds.length] as FakeCloud;
    const { instanceId } = await lab.deploy(cloud, credentials[n % clouds.length] ?? '');
    owned.set(instanceId, cloud);
  }

  const ending = new AbortController();
  let kills = 0;
  const killing = (async (): Promise<ProvisionerProcess> => {
    while (!ending.signal.aborted) {
      await delay(options.killEveryMs, undefined, { signal: ending.signal }).catch(() => undefined);
      if (ending.signal.aborted) break;
      await provisioner.kill('SIGKILL');
      kills += 1;
      provisioner = await lab.startProvisioner();
    }
    return provisioner;
  })();

  let instances: Instance[] = [];
  while (performance.now() - started < options.limitMs) {
    instances = await lab.owner.listInstances();
    for (const instance of instances) await askToClear(lab, instance);
    const open = instances.filter((instance) => !isDecided(instance));
    if (open.length === 0) break;
    options.log(`${instances.length - open.length} of ${options.deploys} decided, ${kills} kills`);
    await delay(1_000);
  }
  const ms = Math.round(performance.now() - started);
  ending.abort();
  await killing;
  const measured = memory.stop();
  return { ms, kills, memory: measured, ...(await judged(instances, owned, clouds)) };
}

/** Ready, or failed with nothing left that could bill. */
function isDecided({ state, failure }: Instance): boolean {
  if (state === 'ready' || state === 'destroyed') return true;
  return state === 'failed' && failure?.resourceMayExist === false;
}

/** What an owner does about a server that never called home: nothing else is known to be wrong with it. */
async function askToClear(lab: Lab, { id, state, failure, retryAt }: Instance): Promise<void> {
  if (state !== 'failed' || !failure?.resourceMayExist || retryAt !== null) return;
  await lab.owner.destroyInstance(id, newId('operation')).catch(() => undefined);
}

async function judged(
  instances: readonly Instance[],
  owned: ReadonlyMap<string, FakeCloud>,
  clouds: readonly FakeCloud[],
) {
  const alive = (await Promise.all(clouds.map((cloud) => cloud.resources()))).flat();
  const servers = alive.filter(({ kind }) => kind === 'server');
  const ready = instances.filter(({ state }) => state === 'ready');
  const failed: Record<string, number> = {};
  for (const { state, failure } of instances)
    if (state !== 'ready') {
      const code = failure?.code ?? state;
      failed[code] = (failed[code] ?? 0) + 1;
    }
  const wrong = instances.flatMap(({ id, state }) => {
    const tag = cloudTag(id);
    const mine = alive.filter((resource) => resource.tag === tag);
    const servers = mine.filter(({ kind }) => kind === 'server').length;
    if (state === 'ready' ? servers === 1 : mine.length === 0) return [];
    return [`${tag} is ${state} and has ${mine.map(({ kind }) => kind).join(', ') || 'nothing'}`];
  });
  const struck: Record<string, number> = {};
  for (const cloud of clouds)
    for (const { kind, hits } of cloud.faults.list()) struck[kind] = (struck[kind] ?? 0) + hits;
  return {
    ready: ready.length,
    failed,
    undecided: instances.filter((instance) => !isDecided(instance)).map(({ id, state }) => `${id} ${state}`),
    wrong,
    serversAlive: servers.length,
    strays: servers.filter(({ tag }) => !instances.some(({ id }) => cloudTag(id) === tag)).length,
    twice: [...owned].flatMap(([id, cloud]) =>
      cloud.history(cloudTag(id)).peak > 1 ? [`${cloudTag(id)} at ${cloud.id}`] : [],
    ),
    struck,
  };
}

/** The real api over the lab's database: machines register with it and hold their tunnels. */
async function apiOver({ database }: Lab, port: number) {
  const url = `http://127.0.0.1:${port}`;
  const unlimited = { burst: 1e9, perSecond: 1e9 };
  return startApi(
    {
      host: '127.0.0.1',
      port,
      publicUrl: url,
      database,
      queue: { kind: 'postgres', url: database.postgresUrl('queue') },
      auth: {
        kind: 'local',
        databaseUrl: database.postgresUrl('auth'),
        secret: 'a-secret-of-many-deploys-at-once-that-is-long',
        operatorToken: 'operator-token-of-many-deploys-at-once',
      },
      authorizedParties: [url],
      agentDir: null,
      webDir: null,
      nodeName: 'many',
      sandbox: true,
      trustedProxyHops: 0,
      // All of them come from one address here; elsewhere each server has its own.
      limits: { upgrade: unlimited, owner: unlimited, address: unlimited },
    },
    { log: createLog(() => undefined), db: database.db, queue: { add: async () => undefined } },
  );
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
