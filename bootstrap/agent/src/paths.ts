import { join } from 'node:path';

export interface Paths {
  /** What the machine was born with: the agent's own copy, with the one-time token until a registration used it. */
  bootstrapJson: string;
  /** Root's copy on a server, without secrets; the same file as the agent's in a process sandbox. */
  rootBootstrapJson: string;
  /** A model provider the image brings along; absent on a plain machine. */
  modelJson: string;
  /** The agent's state, 0700. */
  state: string;
  stateJson: string;
  ownersJson: string;
  /** What the control plane offered last. */
  releasesJson: string;
  /** Reports the control plane hasn't acknowledged. */
  outbox: string;
  /** The owner's record of who did what. */
  audit: string;
  identityKey: string;
  channelKey: string;
  /** A new identity until the control plane knows of it, and channel keys that are still answered to. */
  identityNext: string;
  formerChannelKeys: string;
  /** How often the agent has ended badly in a row. */
  startsJson: string;
  gatewayDeviceKey: string;
  /** Only in a process sandbox: a server's units get the token as a credential of systemd. */
  gatewayToken: string;
  agentLog: string;
  agentErrors: string;
  pidFile: string;
  /** Where the agent asks root, and root listens. */
  rootSocket: string;
  /** Root's own state, 0700: what the agent must not alter. */
  rootState: string;
  /** A new agent that hasn't confirmed itself, and how the last switch of agents ended; root's. */
  agentPending: string;
  agentOutcome: string;
  /** Every agent kept, as `<sha256>.mjs`, and links to them. */
  agents: string;
  agentCurrent: string;
  store: string;
  /** A link to the package folder of the OpenClaw in use. */
  openclawCurrent: string;
  openclawState: string;
  openclawConfig: string;
  openclawLog: string;
  openclawHome: string;
}

export interface PathOptions {
  /** Whether systemd runs the agent on a server of its own: files lie apart by who may read them. @default false */
  service?: boolean;
}

/** Where everything lives below `root`, which is empty on a real machine; `storeDir` overrides OpenClaw's place. */
export function createPaths(
  root: string,
  storeDir: string | null,
  { service = false }: PathOptions = {},
): Paths {
  const at = (path: string) => join(root || '/', path);
  const lib = at('var/lib/claw');
  const openclaw = at('var/lib/openclaw');
  const rootBootstrapJson = at('etc/claw/bootstrap.json');
  return {
    bootstrapJson: service ? join(lib, 'bootstrap.json') : rootBootstrapJson,
    rootBootstrapJson,
    modelJson: at('etc/claw/model.json'),
    state: lib,
    stateJson: join(lib, 'state.json'),
    ownersJson: join(lib, 'owners.json'),
    releasesJson: join(lib, 'releases.json'),
    outbox: join(lib, 'outbox'),
    audit: join(lib, 'audit'),
    identityKey: join(lib, 'identity.key'),
    channelKey: join(lib, 'channel.key'),
    identityNext: join(lib, 'identity-next.key'),
    formerChannelKeys: join(lib, 'channel-former.json'),
    startsJson: join(lib, 'starts.json'),
    gatewayDeviceKey: join(lib, 'gateway-device.key'),
    gatewayToken: join(lib, 'gateway.token'),
    agentLog: at('var/log/claw/agent.log'),
    agentErrors: at('var/log/claw/agent.stderr'),
    pidFile: service ? at('run/claw-agent/agent.pid') : at('run/claw/agent.pid'),
    rootSocket: at('run/claw/root.sock'),
    rootState: at('var/lib/claw-root'),
    agentPending: at('var/lib/claw-root/agent-pending.json'),
    agentOutcome: at('var/lib/claw-root/agent-outcome.json'),
    agents: at('opt/claw/agent'),
    agentCurrent: at('opt/claw/agent/current.mjs'),
    store: storeDir ?? at('opt/claw/store'),
    openclawCurrent: at('opt/claw/openclaw/current'),
    openclawState: join(openclaw, 'state'),
    openclawConfig: join(openclaw, 'openclaw.json'),
    openclawLog: join(openclaw, 'logs/gateway.log'),
    openclawHome: join(openclaw, 'home'),
  };
}
