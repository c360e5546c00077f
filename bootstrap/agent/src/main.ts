import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AgentEnvironment, processEnvironment, readEnvironment } from './env.ts';
import { createLog } from './log.ts';
import { createPaths, type Paths } from './paths.ts';
import { claimProcessFile, runningAgent } from './process-file.ts';
import { runAgent } from './run.ts';
import { agentVersion } from './version.ts';

const usage = `claw-agent ${agentVersion}
  bootstrap   start the agent in the background, and return
  run         run it here: the first start's phases if they aren't done, then OpenClaw and the tunnel
  version     print the version
`;

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
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'run'], {
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
  const log = createLog({ file: paths.agentLog, echo: true });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  let release: (() => void) | null = null;
  try {
    release = claimProcessFile(paths.pidFile);
    log(`claw-agent ${agentVersion} starts, process ${process.pid}`);
    await runAgent({ env, paths, log, signal: stop.signal });
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    log(`claw-agent ends: ${error instanceof Error ? error.message : 'unknown reason'}`);
    return 1;
  } finally {
    release?.();
    log('claw-agent has ended');
  }
}

const env = readEnvironment();
const paths = createPaths(env.root, env.storeDir);
const command = process.argv[2];
if (command === 'bootstrap') process.exitCode = await startInBackground(env, paths);
else if (command === 'run') process.exit(await runHere(env, paths));
else if (command === 'version') process.stdout.write(`${agentVersion}\n`);
else {
  process.stderr.write(usage);
  process.exitCode = 64;
}
