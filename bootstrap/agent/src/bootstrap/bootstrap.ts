import { totalmem } from 'node:os';
import type { BootstrapConfig } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import { ensureOpenClaw, type OpenClawInstall } from '../../install/index.ts';
import type { AgentEnvironment } from '../env.ts';
import type { AgentKeys } from '../keys.ts';
import type { Log } from '../log.ts';
import { gatewayToken, type WarmUpModel, writeOpenClawConfig } from '../openclaw/config.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import { createSupervisor, type Supervisor } from '../openclaw/supervisor.ts';
import { type CleanUp, startStandInModel, warmUp } from '../openclaw/warm-up.ts';
import { enrolOwners } from '../owners.ts';
import type { Paths } from '../paths.ts';
import { type AgentState, readState, writeState } from '../state.ts';
import { agentVersion } from '../version.ts';
import { wipeBootstrapJson } from './bootstrap-json.ts';
import { createControlPlane, RegistrationRefused } from './control-plane.ts';
import { createPhaseRunner } from './phases.ts';

export interface StartOptions {
  env: AgentEnvironment;
  paths: Paths;
  keys: AgentKeys;
  log: Log;
  signal: AbortSignal;
}

export interface Started {
  supervisor: Supervisor;
  gateway: Gateway;
}

/** Ten seconds on a machine of its own; a busy or small one takes minutes. */
const readyLimitMs = 5 * 60_000;
const warmUpLimitMs = 3 * 60_000;

/** OpenClaw's heap: half the memory, at least what a few turns need and at most what they ever use. */
function heapMb(processSandbox: boolean): number {
  const half = Math.round(totalmem() / 2 ** 20 / 2);
  return Math.min(Math.max(half, 1024), processSandbox ? 1536 : 4096);
}

function installOpenClaw(
  { env, paths, log, signal }: StartOptions,
  version: string,
): Promise<OpenClawInstall> {
  return ensureOpenClaw({
    storeDir: paths.store,
    nodeBin: process.execPath,
    path: env.path,
    npmEnvironment: env.npm,
    version,
    log,
    signal,
  });
}

function createGateway({ env, paths, keys, log }: StartOptions, install: OpenClawInstall): Started {
  const token = gatewayToken(paths);
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
  return {
    supervisor,
    gateway: { port: env.gatewayPort, token, device: keys.gatewayDevice, state: supervisor.state },
  };
}

/** A turn on the stand-in; a failure is logged only, for the owner's first turn works without it, slower. */
async function tryWarmUp(gateway: Gateway, model: WarmUpModel, log: Log): Promise<CleanUp> {
  try {
    return await warmUp({ ...gateway, model, limitMs: warmUpLimitMs });
  } catch (error) {
    log(`OpenClaw was not warmed up: ${error instanceof Error ? error.message : 'unknown reason'}`);
    return async () => undefined;
  }
}

const ignoreFailure = (log: Log) => (error: unknown) =>
  log(`the warm-up left traces: ${error instanceof Error ? error.message : 'unknown reason'}`);

/**
 * A machine's first start: installs, configures, starts and warms OpenClaw, then registers, each phase
 * reported. Taken up again after an interruption it does what is left. Raises what the failed phase raised.
 */
export async function bootstrap(options: StartOptions, config: BootstrapConfig): Promise<Started> {
  const { env, paths, keys, log, signal } = options;
  const { instanceId, controlPlaneUrl, registrationToken } = config;
  const openclawVersion = config.openclaw.version;
  const secrets = [registrationToken, config.owners.pairingSecret, gatewayToken(paths)];
  let supervisor: Supervisor | null = null;
  let notes = '';
  const note: Log = (message) => {
    notes = `${notes}${message}\n`.slice(-16_000);
    log(message);
  };

  enrolOwners(paths.ownersJson, config.owners);
  const initial: AgentState = {
    v: 1,
    instanceId,
    controlPlaneUrl,
    openclawVersion,
    registrationTried: false,
    registered: false,
  };
  let state = readState(paths.stateJson) ?? initial;
  const save = (change: Partial<AgentState>): void => {
    state = { ...state, ...change };
    writeState(paths.stateJson, state);
  };
  save({});

  const controlPlane = createControlPlane({ url: controlPlaneUrl, token: registrationToken, log, signal });
  const logTail = () => `${notes}${supervisor?.startLog() ?? ''}`;
  const phase = createPhaseRunner({ instanceId, controlPlane, log: note, logTail, secrets });
  controlPlane.report({ instanceId, phase: 'booting', status: 'finished', message: 'The agent runs' });

  const install = await phase('installing', `OpenClaw ${openclawVersion}`, () =>
    installOpenClaw({ ...options, log: note }, openclawVersion),
  );
  const standIn = await startStandInModel();
  try {
    const warmUpModel = await phase('configuring', 'Loopback only, commands ask first', async () =>
      writeOpenClawConfig({ paths, port: env.gatewayPort, standInUrl: standIn.baseUrl }),
    );
    const started = createGateway(options, install);
    supervisor = started.supervisor;
    await phase('starting', 'OpenClaw starts', async () => {
      started.supervisor.start();
      await started.supervisor.whenReady(readyLimitMs);
    });
    const cleanUp = await phase('warming', 'OpenClaw takes a first turn', () =>
      tryWarmUp(started.gateway, warmUpModel, note),
    );
    // Takes seconds and nobody waits for it: the owner's page shows its own conversations only.
    void cleanUp().catch(ignoreFailure(log));
    await phase('registering', 'The instance registers its keys', async () => {
      const triedBefore = state.registrationTried;
      let attempts = 0;
      const registration = {
        instanceId,
        identityPublicKey: toBase64Url(keys.identity.publicKey),
        agentPublicKey: toBase64Url(keys.channel.publicKey),
        agentVersion,
        openclawVersion: install.version,
      };
      try {
        await controlPlane.flush();
        await controlPlane.register(registration, () => {
          attempts += 1;
          save({ registrationTried: true });
        });
      } catch (error) {
        // An earlier attempt whose answer was lost has counted: the tunnel will tell.
        const replayed = error instanceof RegistrationRefused && error.code === 'registration_replayed';
        if (!replayed || !(triedBefore || attempts > 1)) throw error;
      }
      save({ registered: true });
      wipeBootstrapJson(paths.bootstrapJson);
    });
    return started;
  } catch (error) {
    await supervisor?.stop();
    throw error;
  } finally {
    standIn.close();
  }
}

/** Every later start: the same OpenClaw, its configuration enforced again, warmed up behind the owner's back. */
export async function resume(options: StartOptions, state: AgentState): Promise<Started> {
  const { env, paths, log } = options;
  // A cut between registering and wiping leaves secrets in the file.
  wipeBootstrapJson(paths.bootstrapJson);
  const install = await installOpenClaw(options, state.openclawVersion);
  const standIn = await startStandInModel();
  const warmUpModel = writeOpenClawConfig({ paths, port: env.gatewayPort, standInUrl: standIn.baseUrl });
  const started = createGateway(options, install);
  started.supervisor.start();
  const warm = async (): Promise<void> => {
    try {
      await started.supervisor.whenReady(readyLimitMs);
      const cleanUp = await tryWarmUp(started.gateway, warmUpModel, log);
      await cleanUp();
    } catch (error) {
      ignoreFailure(log)(error);
    } finally {
      standIn.close();
    }
  };
  void warm();
  return started;
}
