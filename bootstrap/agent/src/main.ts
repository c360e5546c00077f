import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pause } from './backoff.ts';
import { bundleDigest } from './bundle-digest.ts';
import { countStart, type StartCount } from './crash-loop.ts';
import { type AgentEnvironment, processEnvironment, readEnvironment, readSessionEnvironment } from './env.ts';
import { createLog } from './log.ts';
import { runMachineCommand } from './machine-setup/index.ts';
import { gatewayToken, writeOpenClawConfig } from './openclaw/config.ts';
import { createPaths, type Paths } from './paths.ts';
import { claimProcessFile, runningAgent } from './process-file.ts';
import { guardHere } from './root/guard/run.ts';
import { serveAsRoot } from './root/serve.ts';
import { runAgent } from './run.ts';
import { recordSession } from './support/session-recorder.ts';
import { agentVersion } from './version.ts';

const usage = `claw-agent ${agentVersion}
  bootstrap   start the agent in the background, and return
  run         run it here: the first start's phases if they aren't done, then OpenClaw and the tunnel
  root        as root: carry out what the agent asks for at its socket
  agent-guard as root: put the former agent back unless the new one confirms itself
  gateway-config
              as OpenClaw's user, before each start: write the settings that hold whatever was changed
  support-session
              as root, in place of a login shell: record a session of a support grant
  machine-setup, hand-over
              as root, by bootstrap.sh: set the machine up; give the agent what it registers with
  version     print the version
`;

const self = fileURLToPath(import.meta.url);

/**
 * Where the machine's owner reads along when it never calls home: the cloud's serial console, or the file
 * that stands for it in a sandbox. Never a pipe: whoever reads it would wait for the agent to end.
 */
function openConsole(root: string): number | 'ignore' {
  try {
    if (fstatSync(1).isFile()) return 1;
    return root === '' ? openSync('/dev/console', 'a') : 'ignore';
  } catch {
    return 'ignore';
  }
}

/** Starts `run` detached from whoever called, so that cloud-init's runcmd can end. */
async function startInBackground(env: AgentEnvironment, paths: Paths): Promise<number> {
  const running = runningAgent(paths.pidFile);
  if (running !== null) {
    process.stdout.write(`claw-agent: runs already, as process ${running}\n`);
    return 0;
  }
  mkdirSync(dirname(paths.agentErrors), { recursive: true, mode: 0o700 });
  // What Node itself prints when it dies; each start begins it anew, so it stays small.
  const errors = openSync(paths.agentErrors, 'w', 0o600);
  const child = spawn(process.execPath, [self, 'run'], {
    detached: true,
    stdio: ['ignore', openConsole(env.root), errors],
    env: processEnvironment(),
  });
  child.unref();
  closeSync(errors);
  let exit: number | null = null;
  child.once('exit', (code) => {
    exit = code ?? 1;
  });
  for (let waited = 0; waited < 10_000 && exit === null && runningAgent(paths.pidFile) === null; waited += 50)
    await sleep(50);
  if (exit !== null) {
    process.stderr.write(`claw-agent: it ended at once, with code ${exit}; see ${paths.agentLog}\n`);
    return 1;
  }
  process.stdout.write(`claw-agent: runs as process ${child.pid}, its log is ${paths.agentLog}\n`);
  return 0;
}

async function runHere(env: AgentEnvironment, paths: Paths): Promise<number> {
  process.stdout.on('error', () => undefined);
  // On a server the journal keeps what is printed, within bounds; the file is for a machine without one.
  const log = createLog({ file: env.service ? null : paths.agentLog, echo: true });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  const agentSha256 = bundleDigest(self);
  let release: (() => void) | null = null;
  let start: StartCount | null = null;
  try {
    if (env.service) start = countStart(paths.startsJson, agentSha256 ?? '', log);
    release = claimProcessFile(paths.pidFile);
    log(`claw-agent ${agentVersion} starts, process ${process.pid}`);
    if (start && start.waitMs > 0) {
      log(`it has ended badly several times: waiting ${Math.round(start.waitMs / 1000)} s`);
      await pause(start.waitMs, stop.signal);
    }
    await runAgent({ env, paths, agentSha256, log, signal: stop.signal });
    start?.forget();
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      start?.forget();
      return 0;
    }
    log(`claw-agent ends: ${error instanceof Error ? error.message : 'unknown reason'}`);
    return 1;
  } finally {
    release?.();
    log('claw-agent has ended');
  }
}

/** Settings that hold at every start of OpenClaw, whatever was patched in between. */
function configureGateway(env: AgentEnvironment, paths: Paths): void {
  const log = (message: string) => process.stdout.write(`claw-agent: ${message}\n`);
  const token = gatewayToken(env, paths);
  writeOpenClawConfig({ paths, port: env.gatewayPort, standInUrl: null, token, log });
}

const env = readEnvironment();
const paths = createPaths(env.root, env.storeDir, { service: env.service });
const command = process.argv[2];
if (command === 'bootstrap') process.exitCode = await startInBackground(env, paths);
else if (command === 'run') process.exit(await runHere(env, paths));
else if (command === 'root') await serveAsRoot(env, paths, self);
else if (command === 'agent-guard') await guardHere(paths);
else if (command === 'gateway-config') configureGateway(env, paths);
else if (command === 'support-session')
  process.exit(
    await recordSession({
      rootState: paths.rootState,
      grantId: process.argv[3] ?? '',
      session: readSessionEnvironment(),
    }),
  );
else if (command === 'machine-setup' || command === 'hand-over')
  process.exit(await runMachineCommand(command, env));
else if (command === 'version') process.stdout.write(`${agentVersion}\n`);
else {
  process.stderr.write(usage);
  process.exitCode = 64;
}
