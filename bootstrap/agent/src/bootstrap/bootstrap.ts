import type { BootstrapConfig } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import type { AgentEnvironment } from '../env.ts';
import type { AgentKeys } from '../keys.ts';
import type { Log } from '../log.ts';
import { createChildDriver } from '../openclaw/child-driver.ts';
import { gatewayToken } from '../openclaw/config.ts';
import type { OpenClawDriver, Started } from '../openclaw/driver.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import { createServiceDriver } from '../openclaw/service-driver.ts';
import type { Supervisor } from '../openclaw/supervisor.ts';
import { type CleanUp, startStandInModel, warmUp } from '../openclaw/warm-up.ts';
import { enrolOwners } from '../owners/owners.ts';
import type { Paths } from '../paths.ts';
import type { Root } from '../root/client.ts';
import { type AgentState, readState, writeState } from '../state.ts';
import { agentVersion } from '../version.ts';
import { wipeBootstrapJson } from './bootstrap-json.ts';
import { createControlPlane, RegistrationRefused } from './control-plane.ts';
import { createPhaseRunner } from './phases.ts';

export interface StartOptions {
  env: AgentEnvironment;
  paths: Paths;
  keys: AgentKeys;
  /** Null in a process sandbox. */
  root: Root | null;
  log: Log;
  signal: AbortSignal;
}

/** Ten seconds on a machine of its own; a busy or small one takes minutes. */
const readyLimitMs = 5 * 60_000;
const warmUpLimitMs = 3 * 60_000;

const createDriver = ({ env, paths, root, log, signal }: StartOptions): OpenClawDriver =>
  root === null
    ? createChildDriver({ env, paths, log, signal })
    : createServiceDriver({ env, paths, root, log });

/** A turn on the stand-in; a failure is logged only, for the owner's first turn works without it, slower. */
async function tryWarmUp(
  driver: OpenClawDriver,
  gateway: Gateway,
  standInUrl: string,
  log: Log,
): Promise<CleanUp> {
  try {
    const model = await driver.warmUpModel(gateway, standInUrl);
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
  const { paths, keys, log, signal } = options;
  const driver = createDriver(options);
  const { instanceId, controlPlaneUrl, registrationToken } = config;
  const openclawVersion = config.openclaw.version;
  const secrets = [registrationToken, config.owners.pairingSecret, gatewayToken(options.env, paths)];
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
  let state = readState(paths, log) ?? initial;
  const save = (change: Partial<AgentState>): void => {
    state = { ...state, ...change };
    writeState(paths.stateJson, state);
  };
  save({});

  const controlPlane = createControlPlane({ url: controlPlaneUrl, token: registrationToken, log, signal });
  const logTail = () => `${notes}${supervisor?.startLog() ?? ''}`;
  const phase = createPhaseRunner({ instanceId, controlPlane, log: note, logTail, secrets });
  controlPlane.report({ instanceId, phase: 'booting', status: 'finished', message: 'The agent runs' });

  const install = (): Promise<string> => driver.install(openclawVersion, note);
  const installed = driver.isInstalled(openclawVersion)
    ? await install()
    : await phase('installing', `OpenClaw ${openclawVersion}`, install);
  save({ openclawVersion: installed });
  const standIn = await startStandInModel();
  try {
    await phase('configuring', 'Loopback only, commands ask first', () => driver.configure(standIn.baseUrl));
    const started = driver.create(keys.gatewayDevice);
    supervisor = started.supervisor;
    await phase('starting', 'OpenClaw starts', async () => {
      started.supervisor.start();
      await started.supervisor.whenReady(readyLimitMs);
    });
    const cleanUp = await phase('warming', 'OpenClaw takes a first turn', () =>
      tryWarmUp(driver, started.gateway, standIn.baseUrl, note),
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
        openclawVersion: installed,
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
  const { paths, keys, log } = options;
  // A cut between registering and wiping leaves secrets in the file.
  wipeBootstrapJson(paths.bootstrapJson);
  const driver = createDriver(options);
  try {
    await driver.install(state.openclawVersion, log);
  } catch (error) {
    // On a server the owner must get in to mend it: the agent goes on without the gateway.
    if (options.root === null) throw error;
    log(`OpenClaw could not be installed: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
  const standIn = await startStandInModel();
  await driver.configure(standIn.baseUrl);
  const started = driver.create(keys.gatewayDevice);
  started.supervisor.start();
  const warm = async (): Promise<void> => {
    try {
      await started.supervisor.whenReady(readyLimitMs);
      const cleanUp = await tryWarmUp(driver, started.gateway, standIn.baseUrl, log);
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
