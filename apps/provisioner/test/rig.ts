import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Credential,
  cloudName,
  cloudTag,
  type Instance,
  type InstanceEvent,
  newId,
  type Operation,
  type ProviderId,
  sealedCredentialContext,
  sealedEnrolmentContext,
} from '@claw-cloud/contracts';
import { fromBase64Url, ready, toBase64Url } from '@claw-cloud/crypto';
import { sealFor } from '@claw-cloud/crypto/sealed';
import { hashToken } from '@claw-cloud/crypto/tokens';
import type { OwnerRepository } from '@claw-cloud/db';
import { registrationOf, startTestDatabase } from '@claw-cloud/db/testing';
import { defaultCacheDir } from '@claw-cloud/engine';
import {
  countServers,
  createHetznerCloud,
  createPaperMachines,
  type FakeCloud,
  type FakeCloudOptions,
  type HetznerCloud,
  listen,
} from '@claw-cloud/fake-clouds';

export { engineProcesses } from '../src/operations/engine-processes.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const startLimitMs = 45_000;
const closeLimitMs = 45_000;
/** Each look is a query through the whole database stack: more of them would take the processor from what is tested. */
const pollMs = 250;

/** A provisioner as a process of its own, the way the platform runs it. */
export interface ProvisionerProcess {
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const random = (bytes: number) => toBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(bytes)));

export interface RigOptions {
  /** By the product's id of the cloud: clouds beside the sandbox, whose machines are paper too. */
  readonly clouds?: Readonly<Record<string, (options: FakeCloudOptions) => Promise<FakeCloud>>>;
}

/** A database, clouds whose machines are paper, one owner, and provisioners on demand. */
export async function createRig(options: RigOptions = {}) {
  await ready();
  const dir = mkdtempSync(join(tmpdir(), 'claw-provisioner-test-'));
  const database = await startTestDatabase();
  const machines = createPaperMachines();
  const cloud: HetznerCloud = createHetznerCloud({
    machines,
    tokens: new Map(),
    actionMs: 30,
    limits: { requestsPerHour: 100_000, servers: 20, primaryIps: 20 },
  });
  const web = await listen(cloud.app.fetch, 0);
  const clouds: Record<string, FakeCloud> = {};
  for (const [id, start] of Object.entries(options.clouds ?? {}))
    clouds[id] = await start({ machines: createPaperMachines() });
  const ownerId = 'owner-of-the-rig';
  const owner: OwnerRepository = database.db.owner(ownerId);
  await owner.ensureOwner(null);
  writeFileSync(
    join(dir, 'agent.json'),
    JSON.stringify({ sha256: 'a'.repeat(64), version: '0.1.0', openclawVersion: '2026.9.6' }),
  );
  const logFile: string[] = [];
  const running = new Set<ProvisionerProcess>();

  const environment = (extra: Record<string, string>) => ({
    PATH: '/usr/bin:/bin',
    HOME: dir,
    SUPABASE_URL: database.url,
    SUPABASE_SECRET_KEY: database.secretKey,
    SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
    SUPABASE_JWT_SECRET: database.jwtSecret,
    QUEUE_DATABASE_URL: database.postgresUrl('queue'),
    PULUMI_BACKEND_URL: database.postgresUrl('pulumi'),
    PUBLIC_URL: 'http://127.0.0.1:4600',
    KEK_FILE: join(dir, 'keys', 'kek.json'),
    INTAKE_KEY_FILE: join(dir, 'keys', 'intake.json'),
    SANDBOX_CLOUD_URL: `${web.origin}/v1`,
    CLOUD_API_URLS: Object.entries(clouds)
      .map(([id, { endpoint }]) => `${id}=${endpoint}`)
      .join(' '),
    AGENT_DIR: dir,
    NODE_NAME: 'rig',
    PROVISIONER_WORK_DIR: join(dir, 'work'),
    SWEEP_MS: '300',
    LEASE_MS: '4000',
    CLAW_CACHE: defaultCacheDir(),
    ...extra,
  });

  async function startProvisioner(extra: Record<string, string> = {}): Promise<ProvisionerProcess> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
      env: environment(extra),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await untilReady(child, logFile);
    const handle: ProvisionerProcess = {
      pid: child.pid ?? 0,
      async kill(signal) {
        child.kill(signal);
        await exited;
        running.delete(handle);
      },
      stop: () => handle.kill('SIGTERM'),
    };
    running.add(handle);
    return handle;
  }

  /** Takes a token, or the fields of a cloud that asks for others. */
  async function addCredential(
    secret: string | Readonly<Record<string, string>>,
    provider: ProviderId = 'sandbox',
    context: { ownerId?: string } = {},
  ) {
    const id = newId('credential');
    const intake = await database.db.provisioner.intakeKey();
    const sealed = sealFor(
      { kid: intake.kid, publicKey: fromBase64Url(intake.publicKey) },
      sealedCredentialContext(context.ownerId ?? ownerId, id, provider),
      JSON.stringify({ provider, ...(typeof secret === 'string' ? { token: secret } : secret) }),
    );
    await owner.addCredential({ id, provider, name: 'My cloud', sealed });
    return id;
  }

  const checked = (id: string): Promise<Credential> =>
    until('the credential is checked', async () => {
      const credential = await owner.getCredential(id);
      return credential.state === 'verifying' ? null : credential;
    });

  async function deploy(
    credentialId: string,
    wish: Partial<{ region: string; size: string; price: number }> = {},
  ) {
    const id = newId('instance');
    const intake = await database.db.provisioner.intakeKey();
    const pairingSecret = random(32);
    const enrolment = sealFor(
      { kid: intake.kid, publicKey: fromBase64Url(intake.publicKey) },
      sealedEnrolmentContext(ownerId, id),
      JSON.stringify({
        devicePublicKey: random(32),
        deviceName: 'Rig',
        recoveryPublicKey: random(32),
        pairingSecret,
      }),
    );
    const region = wish.region ?? 'fsn1';
    const size = wish.size ?? 'cx23';
    const { operation } = await owner.deployInstance(
      {
        id,
        credentialId,
        name: 'Assistant',
        region,
        size,
        expectedMonthlyPrice: wish.price ?? 4.7481,
        enrolment,
      },
      newId('operation'),
    );
    return { instanceId: id, operationId: operation.id, pairingSecret };
  }

  const destroy = (instanceId: string): Promise<Operation> =>
    owner.destroyInstance(instanceId, newId('operation'));

  const ended = (operationId: string, limitMs = 150_000): Promise<Operation> =>
    until(
      `operation ${operationId} ends`,
      async () => {
        const operation = await owner.getOperation(operationId);
        return operation.state === 'succeeded' || operation.state === 'failed' ? operation : null;
      },
      limitMs,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; the provisioner’s last lines:\n${logFile.slice(-20).join('\n')}`);
    });

  async function events(instanceId: string): Promise<InstanceEvent[]> {
    return owner.listEvents(instanceId, 0, 500);
  }

  const watcher = cloud.issueToken({ project: 'rig', powers: 'read' });
  /** A call of the cloud's API as its owner would make it. */
  async function call(method: string, path: string, token: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${web.origin}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.status === 204 ? null : response.json();
  }

  const userDataOf = (instanceId: string): string =>
    [...machines.specs.values()].find(({ name }) => name === cloudName(instanceId))?.userData ?? '';

  return {
    dir,
    database,
    db: database.db,
    cloud,
    /** The clouds that were asked for, by id. */
    clouds: clouds as Readonly<Record<string, FakeCloud>>,
    endpoint: `${web.origin}/v1`,
    owner,
    ownerId,
    log: logFile,
    startProvisioner,
    newToken: (powers: 'read' | 'read_write' = 'read_write', project = 'rig') =>
      cloud.issueToken({ project, powers }),
    addCredential,
    checked,
    deploy,
    destroy,
    ended,
    events,
    instance: (id: string): Promise<Instance> => owner.getInstance(id),
    /** What the machine does when it has installed itself: it registers and answers. */
    async makeReady(instanceId: string): Promise<void> {
      const token = /"registrationToken": "([\w-]{43})"/.exec(userDataOf(instanceId))?.[1];
      if (token === undefined) throw new Error('the machine was told no registration token');
      await database.db.machine.register(hashToken(token), registrationOf(instanceId));
      await database.db.machine.markReady(instanceId, {
        agentVersion: '0.1.0',
        openclawVersion: '2026.9.6',
        gateway: 'ready',
        uptimeSeconds: 1,
      });
    },
    /** Most servers that ever lived at once for the instance. */
    peakServers: (instanceId: string): number =>
      countServers(cloud.history()).peakAliveByLabel[`claw-cloud=${cloudTag(instanceId)}`] ?? 0,
    madeServers: (instanceId: string): number =>
      cloud.history().filter((e) => e.event === 'created' && e.labels['claw-cloud'] === cloudTag(instanceId))
        .length,
    serversOf: (instanceId: string) =>
      cloud
        .servers()
        .filter((server) => server.labels['claw-cloud'] === cloudTag(instanceId))
        .map(({ id, name, status }) => ({ id, name, status: status as string })),
    call,
    /** What the instance's machine was told at its birth. */
    userDataOf,
    firewallsOf: async (instanceId: string): Promise<{ id: number; name: string }[]> => {
      const selector = encodeURIComponent(`claw-cloud==${cloudTag(instanceId)}`);
      const answer = await call('GET', `/firewalls?label_selector=${selector}`, watcher);
      return (answer as { firewalls: { id: number; name: string }[] }).firewalls;
    },
    /** Ends everything; raises with the name of the part that doesn't end. */
    async close() {
      let part = 'provisioner';
      const steps = async () => {
        for (const handle of [...running]) await handle.kill('SIGKILL');
        part = 'cloud';
        await cloud.close();
        for (const other of Object.values(clouds)) await other.close();
        part = 'web server of the cloud';
        await web.close();
        part = 'database';
        await database.stop();
        // The children of a killed provisioner end by themselves, some seconds after it, and write until then.
        await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      };
      const timeout = new AbortController();
      const late = delay(closeLimitMs, undefined, { signal: timeout.signal, ref: false }).then(
        () => Promise.reject(new Error(`the rig's ${part} does not end`)),
        () => undefined,
      );
      await Promise.race([steps().finally(() => timeout.abort()), late]);
    },
  };
}
function untilReady(child: ChildProcess, log: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the provisioner ${why}:\n${log.slice(-20).join('\n')}`));
    const timer = setTimeout(() => fail('is not ready in time'), startLimitMs);
    child.once('exit', () => fail('ended'));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        log.push(line);
        if (!line.startsWith('{"ready":true')) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

/** Asks until there is an answer; raises after `limitMs`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null> | T | null,
  limitMs = 60_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await delay(pollMs);
  }
}

/** Children of a process, by the parent ids in /proc or of ps. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

/** The command line of a process, its arguments joined by spaces; empty when it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
