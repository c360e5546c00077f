import { join } from 'node:path';

export interface Paths {
  bootstrapJson: string;
  /** A model provider the image brings along; absent on a plain machine. */
  modelJson: string;
  stateJson: string;
  ownersJson: string;
  identityKey: string;
  channelKey: string;
  gatewayDeviceKey: string;
  gatewayToken: string;
  agentLog: string;
  agentErrors: string;
  pidFile: string;
  store: string;
  openclawState: string;
  openclawConfig: string;
  openclawLog: string;
  openclawHome: string;
}

/** Where everything lives below `root`, which is empty on a real machine; `storeDir` overrides OpenClaw's place. */
export function createPaths(root: string, storeDir: string | null): Paths {
  const lib = join(root || '/', 'var/lib/claw');
  const openclaw = join(root || '/', 'var/lib/openclaw');
  return {
    bootstrapJson: join(root || '/', 'etc/claw/bootstrap.json'),
    modelJson: join(root || '/', 'etc/claw/model.json'),
    stateJson: join(lib, 'state.json'),
    ownersJson: join(lib, 'owners.json'),
    identityKey: join(lib, 'identity.key'),
    channelKey: join(lib, 'channel.key'),
    gatewayDeviceKey: join(lib, 'gateway-device.key'),
    gatewayToken: join(lib, 'gateway.token'),
    agentLog: join(root || '/', 'var/log/claw/agent.log'),
    agentErrors: join(root || '/', 'var/log/claw/agent.stderr'),
    pidFile: join(root || '/', 'run/claw/agent.pid'),
    store: storeDir ?? join(root || '/', 'opt/claw/store'),
    openclawState: join(openclaw, 'state'),
    openclawConfig: join(openclaw, 'openclaw.json'),
    openclawLog: join(openclaw, 'logs/gateway.log'),
    openclawHome: join(openclaw, 'home'),
  };
}
