import type { Platform } from '@claw-cloud/local';

type Sandboxed = Pick<Platform, 'sandbox'>;

async function control(platform: Sandboxed, method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${platform.sandbox.controlUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${platform.sandbox.controlToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`control ${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Switches a fault of the sandbox cloud on. */
export const addFault = (platform: Sandboxed, fault: Record<string, unknown>) =>
  control(platform, 'POST', '/faults', fault);
export const clearFaults = (platform: Sandboxed) => control(platform, 'DELETE', '/faults');

export interface CloudServers {
  created: number;
  deleted: number;
  alive: number;
  /** The most servers that ever lived at once under one `key=value` label. */
  peakAliveByLabel: Record<string, number>;
  servers: { id: number; name: string; labels: Record<string, string>; status: string }[];
}
/** Every server of the sandbox cloud, and counts over all that ever happened. */
export async function cloudServers(platform: Sandboxed): Promise<CloudServers> {
  return (await (await control(platform, 'GET', '/servers')).json()) as CloudServers;
}
