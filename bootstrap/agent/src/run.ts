import type http2 from 'node:http2';
import type { InstanceHealth } from '@claw-cloud/contracts';
import { ready } from '@claw-cloud/crypto';
import { bootstrap, resume, type Started, type StartOptions } from './bootstrap/bootstrap.ts';
import { readBootstrapJson } from './bootstrap/bootstrap-json.ts';
import type { AgentEnvironment } from './env.ts';
import { loadKeys } from './keys.ts';
import type { Log } from './log.ts';
import { createOwnerStreams } from './owner/owner-stream.ts';
import { openOwners } from './owners.ts';
import type { Paths } from './paths.ts';
import { readState } from './state.ts';
import { keepTunnel } from './tunnel/client.ts';
import { agentVersion } from './version.ts';

export interface RunOptions {
  env: AgentEnvironment;
  paths: Paths;
  log: Log;
  signal: AbortSignal;
}

async function startOpenClaw(options: StartOptions): Promise<Started> {
  const state = readState(options.paths.stateJson);
  if (state?.registered) return resume(options, state);
  const config = readBootstrapJson(options.paths.bootstrapJson);
  if (!config) throw new Error('the configuration of this machine was used up without a registration');
  return bootstrap(options, config);
}

/**
 * The agent's life until `signal` aborts: the first start's phases if they aren't done, then OpenClaw and
 * the tunnel. Raises where the first start fails.
 */
export async function runAgent({ env, paths, log, signal }: RunOptions): Promise<void> {
  await ready();
  const startedAt = performance.now();
  const keys = loadKeys(paths);
  const { supervisor, gateway } = await startOpenClaw({ env, paths, keys, log, signal });
  try {
    const state = readState(paths.stateJson);
    if (!state) throw new Error('the agent lost its state');
    const health = (): InstanceHealth => ({
      agentVersion,
      openclawVersion: state.openclawVersion,
      gateway: supervisor.state(),
      uptimeSeconds: Math.round((performance.now() - startedAt) / 1000),
    });
    const serveOwner = createOwnerStreams({
      instanceId: state.instanceId,
      agentKeyPair: keys.channel,
      owners: openOwners(paths.ownersJson),
      gateway,
      health,
      log,
    });
    await keepTunnel({
      controlPlaneUrl: state.controlPlaneUrl,
      instanceId: state.instanceId,
      identity: keys.identity,
      log,
      signal,
      onStream: (stream, headers) => route(stream, headers, health, serveOwner),
    });
  } finally {
    await supervisor.stop();
  }
}

/** What the control plane may ask for through the tunnel: its health, and to be handed to the owner. */
function route(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  health: () => InstanceHealth,
  serveOwner: (stream: http2.ServerHttp2Stream) => void,
): void {
  const { method, path } = { method: headers[':method'], path: headers[':path'] };
  if (method === 'GET' && path === '/health') {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(health()));
  } else if (method === 'POST' && path === '/owner') serveOwner(stream);
  else {
    stream.respond({ ':status': 404 }, { endStream: true });
  }
}
