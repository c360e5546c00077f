import { totalmem } from 'node:os';
import type { InstanceHealth } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { createAudit } from './audit/audit.ts';
import { bootstrap, resume, type StartOptions } from './bootstrap/bootstrap.ts';
import { readBootstrapJson } from './bootstrap/bootstrap-json.ts';
import type { AgentEnvironment } from './env.ts';
import { createGatewayCheck, memoryLimitMb } from './health/gateway-check.ts';
import { readMachine } from './health/machine.ts';
import { serveRestart } from './health/serve-restart.ts';
import { openKeyring } from './keyring.ts';
import { loadKeys } from './keys.ts';
import type { Log } from './log.ts';
import type { Started } from './openclaw/driver.ts';
import { createNotices } from './owner/notices.ts';
import { createOwnerStreams } from './owner/owner-stream.ts';
import { openOwners } from './owners/owners.ts';
import type { Paths } from './paths.ts';
import { openReleases } from './releases.ts';
import { sayGoodbye } from './reports/goodbye.ts';
import { createReports } from './reports/reports.ts';
import { createRoot } from './root/client.ts';
import { createRouter, serveHealth } from './route.ts';
import { readState } from './state.ts';
import { createSupport } from './support/support.ts';
import { keepTunnel } from './tunnel/client.ts';
import { createTrial } from './update/trial.ts';
import { settleUpdates } from './updates/settle.ts';
import { agentVersion } from './version.ts';

export interface RunOptions {
  env: AgentEnvironment;
  paths: Paths;
  /** Of the file that runs; null where it is no bundle. */
  agentSha256: string | null;
  log: Log;
  signal: AbortSignal;
}

async function startOpenClaw(options: StartOptions): Promise<Started> {
  const state = readState(options.paths, options.log);
  if (state?.registered) return resume(options, state);
  const config = readBootstrapJson(options.paths.bootstrapJson);
  if (!config) throw new Error('the configuration of this machine was used up without a registration');
  return bootstrap(options, config);
}

/**
 * The agent's life until `signal` aborts: the first start's phases if they aren't done, then OpenClaw and
 * the tunnel. Raises where the first start fails.
 */
export async function runAgent({ env, paths, agentSha256, log, signal }: RunOptions): Promise<void> {
  await ready();
  const startedAt = performance.now();
  const keys = loadKeys(paths, log);
  const root = env.service ? createRoot(paths.rootSocket) : null;
  const { supervisor, gateway } = await startOpenClaw({ env, paths, keys, root, log, signal });
  try {
    const state = readState(paths, log);
    if (!state) throw new Error('the agent lost its state');
    const notices = createNotices();
    const keyring = openKeyring({ paths, keys, log });
    const reports = createReports({
      folder: paths.outbox,
      health: () => health(),
      onAnswer: () => trial?.proven(),
      log,
    });
    reports.onAcknowledged((report) => {
      if (report.kind === 'identity_rotated') keyring.settle(report.identityPublicKey);
    });
    const trial =
      root === null || agentSha256 === null
        ? null
        : createTrial({ root, agentSha256, report: reports.report, log, signal });
    const audit = createAudit({ dir: paths.audit, log });
    const support = createSupport({
      root,
      state: paths.state,
      audit,
      report: reports.report,
      notify: notices.send,
      log,
      signal,
    });
    const check = createGatewayCheck({
      gateway,
      supervisor,
      report: reports.report,
      notice: (reason) => notices.send({ kind: 'gateway_restarted', reason }),
      log,
      signal,
      memoryLimitMb: env.memoryLimitMb ?? memoryLimitMb(totalmem() / 2 ** 20),
      everyMs: env.healthSeconds * 1000,
      limitMs: env.healthSeconds * 500,
    });
    const health = (): InstanceHealth => ({
      agentVersion,
      openclawVersion: gateway.version(),
      gateway: check.isLost() ? 'down' : supervisor.state(),
      uptimeSeconds: Math.round((performance.now() - startedAt) / 1000),
      ...(agentSha256 === null ? {} : { agentSha256 }),
      machine: readMachine(env.service ? 'server' : 'process', paths.state),
      gatewayCheck: check.status(),
    });
    const releases = openReleases(paths.releasesJson, notices, log);
    const serveOwner = createOwnerStreams({
      instanceId: state.instanceId,
      agentKeyPairs: keyring.channelKeys,
      onKeyChange: keyring.onChannelKey,
      owners: openOwners(paths.ownersJson, { log }),
      gateway,
      notices,
      context: {
        health,
        paths,
        root,
        audit,
        support,
        state,
        releases,
        report: reports.report,
        goodbye: () => sayGoodbye(reports),
        restartGateway: check.restart,
        holdGatewayCheck: check.hold,
        agentSha256,
        confirmSeconds: env.confirmSeconds,
        keyring,
        signal,
      },
      log,
    });
    const onStream = createRouter({
      'GET /health': serveHealth(health, () => trial?.proven()),
      'POST /owner': serveOwner,
      'POST /reports': reports.serve,
      'POST /support': (stream, headers) => support.serve(stream, headers['claw-grant']),
      'POST /gateway/restart': serveRestart(() => check.restart('control_plane'), log),
      'POST /release-offer': releases.serve,
    });
    void check.run();
    void trial?.run();
    if (root) {
      const { report } = reports;
      void settleUpdates({ root, paths, report, log, signal, holdGatewayCheck: check.hold });
    }
    await keepTunnel({
      controlPlaneUrl: state.controlPlaneUrl,
      instanceId: state.instanceId,
      identities: keyring.identities,
      onProven: (identity) => keyring.settle(toBase64Url(identity.publicKey)),
      log,
      signal,
      onStream,
    });
  } finally {
    await supervisor.stop();
  }
}
