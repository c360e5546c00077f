import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ready } from '@claw-cloud/crypto';
import { createDatabase } from '@claw-cloud/db';
import { EngineNotReady, engineFromCache } from '@claw-cloud/engine';
import { createQueue, createWorker } from '@claw-cloud/queue';
import { z } from 'zod';
import type { BootstrapFacts, EngineLocation } from './child/protocol.ts';
import type { ProvisionerConfig } from './env.ts';
import { ensureIntakeFile, ensureKekFile } from './keys/key-files.ts';
import { loadIntakeKeys, loadKeyRing } from './keys/key-source.ts';
import { createLog, errorFields, type Log } from './log.ts';
import { type OperationDeps, runOperation } from './operations/run-operation.ts';
import { prepareStateTable } from './state-rows.ts';
import { createAccountSweep } from './sweep/accounts.ts';
import { createSweep } from './sweep/sweep.ts';
import { createVerifier } from './verify-credential/verify-credential.ts';

const AgentFacts = z.object({ sha256: z.string(), version: z.string(), openclawVersion: z.string() });

/** A token must outlive the time a machine may take to call home, whatever clock skew there is. */
const registrationMarginMs = 10 * 60_000;
/** Sweeps go through the queue beside the operations and must not wait behind them. */
const slotsForSweeps = 1;

export interface Provisioner {
  /** Takes no more work; what runs is interrupted in order, at most for the configured grace. */
  stop(): Promise<void>;
}

export interface ProvisionerOptions {
  readonly log?: Log;
  /** Replaces the engine of the cache folder. */
  readonly engine?: () => Promise<EngineLocation>;
}

async function cachedEngine(cacheDir: string): Promise<EngineLocation> {
  const { pulumiRoot, pulumiHome, pulumiVersion, source, plugins } = await engineFromCache(cacheDir);
  const pieces = Object.fromEntries(
    plugins.map((plugin) => [plugin.name, `${plugin.version} ${plugin.source}`]),
  );
  return {
    cliRoot: pulumiRoot,
    pluginDir: join(pulumiHome, 'plugins'),
    pieces: { ...pieces, cli: `${pulumiVersion} ${source}` },
  };
}

/** Remembers the engine once it is found; asks again while it is not. */
function engineFinder(find: () => Promise<EngineLocation>, log: Log): () => Promise<EngineLocation | null> {
  let found: Promise<EngineLocation> | null = null;
  return async () => {
    found ??= find();
    try {
      return await found;
    } catch (error) {
      found = null;
      log(
        'error',
        'no Pulumi engine',
        error instanceof EngineNotReady ? { detail: error.message } : errorFields(error),
      );
      return null;
    }
  };
}

/** Starts the worker: keys, queue, sweep. Raises an error that says what is missing. */
export async function startProvisioner(
  config: ProvisionerConfig,
  options: ProvisionerOptions = {},
): Promise<Provisioner> {
  const log = options.log ?? createLog();
  await ready();
  if (ensureKekFile(config.kek)) log('info', 'made the first key-encryption key');
  if (ensureIntakeFile(config.intake)) log('info', 'made the first intake key');
  // Fails now and not at the first credential; only children keep keys.
  loadKeyRing(config.kek).wipe();
  const intake = loadIntakeKeys(config.intake);
  for (const pair of Object.values(intake.byKid)) pair.privateKey.wipe();
  mkdirSync(config.workDir, { recursive: true, mode: 0o700 });

  await prepareStateTable(config.pulumiBackendUrl);
  const db = createDatabase(config.database);
  await db.provisioner.publishIntakeKey(intake.newest);
  const engine = engineFinder(options.engine ?? (() => cachedEngine(config.cacheDir)), log);
  const stopping = new AbortController();

  const deps: OperationDeps = {
    db,
    log,
    nodeName: config.nodeName,
    workRoot: config.workDir,
    path: config.path,
    codeCache: join(config.cacheDir, 'compiled'),
    leaseMs: config.leaseMs,
    operationTimeoutMs: config.operationTimeoutMs,
    stopGraceMs: config.stopGraceMs,
    stopping: stopping.signal,
    retry: config.retry,
    settings: async (provider, externalId) => ({
      kek: config.kek,
      intake: config.intake,
      pulumiBackendUrl: config.pulumiBackendUrl,
      engine: await engine(),
      engineTimeoutMs: config.engineTimeoutMs,
      shutdownGraceMs: config.shutdownGraceMs,
      endpoint: config.endpoints[provider] ?? null,
      externalId,
      platform: config.platformCredentials[provider] ?? null,
      egressAddresses: config.egressAddresses,
    }),
    async bootstrap(): Promise<BootstrapFacts> {
      // Read for each deploy: an update of the agent counts from the next one on.
      const agent = AgentFacts.parse(JSON.parse(readFileSync(join(config.agentDir, 'agent.json'), 'utf8')));
      return {
        controlPlaneUrl: config.machineUrl,
        agent: { sha256: agent.sha256, version: agent.version },
        openclawVersion: agent.openclawVersion,
        npmRegistry: config.instanceNpmRegistry,
        registrationTtlMs: config.bootTimeoutMs + registrationMarginMs,
      };
    },
  };

  const queueLog = { log: (line: string) => log('warn', 'queue', { detail: line }) };
  const queue = await createQueue(config.queue, queueLog);
  const verifier = createVerifier(deps);
  const accounts = createAccountSweep(deps, config.straysSweepMs);
  // Before the worker below may take a sweep of an earlier process: on Postgres the two would stand in each other's way.
  await queue.scheduleEvery('sweep', {}, config.sweepMs);
  const worker = await createWorker(
    config.queue,
    {
      'credential.verify': ({ credentialId }) => verifier.verify(credentialId),
      'catalogue.refresh': ({ credentialId }) => verifier.refresh(credentialId),
      'operation.run': ({ operationId }) => runOperation(deps, operationId),
      'stray.delete': ({ strayId }) => accounts.deleteStray(strayId),
      sweep: createSweep(deps, queue, config.bootTimeoutMs, verifier.refresh, accounts.lookThroughDue),
    },
    { ...queueLog, concurrency: config.concurrency + slotsForSweeps },
  );
  // The first engine check reads 150 MB: better now than in the first deploy.
  void engine();

  return {
    async stop() {
      stopping.abort();
      await worker.close(config.stopGraceMs + 5_000);
      await queue.close();
    },
  };
}
