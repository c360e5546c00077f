import { setTimeout as sleep } from 'node:timers/promises';
import { fetchAgent } from '../../update/fetch-agent.ts';
import type { Handlers } from './context.ts';
import { machineNeeded } from './machine-needed.ts';

/** Between the answer and the restart, so that the answer gets through. */
const answerFirstMs = 500;

/** The agent itself: which one runs, and its keys. */
export const agentCommands = {
  async 'agent.update'({ sha256 }, { root, state, agentSha256, confirmSeconds, log, progress, signal }) {
    if (!root) throw machineNeeded();
    if (sha256 === agentSha256) return { outcome: 'current' };
    progress('fetch', 'Fetching the new agent', 0);
    const bytes = await fetchAgent({ controlPlaneUrl: state.controlPlaneUrl, sha256, signal });
    progress('stage', 'Its digest is right; putting it beside the one that runs', 0.6);
    await root.ask('agent.stage', { sha256, data: bytes.toString('base64') }, { signal });
    progress('switch', 'Starting it; this one comes back unless it proves that it works', 0.8);
    void sleep(answerFirstMs)
      .then(() => root.ask('agent.switch', { sha256, limitSeconds: confirmSeconds }, { signal }))
      .catch((error: unknown) =>
        log(`the new agent was not started: ${error instanceof Error ? error.message : 'unknown reason'}`),
      );
    return { outcome: 'started' };
  },
  async 'keys.rotate'(_, { keyring, report }) {
    const keys = keyring.rotate();
    report({ kind: 'identity_rotated', ...keys });
    return { agentPublicKey: keys.agentPublicKey };
  },
} satisfies Handlers;
