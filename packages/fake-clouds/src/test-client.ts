import type { HetznerCloudOptions } from './hetzner/cloud.ts';
import { createHetznerCloud } from './hetzner/cloud.ts';
import type { Powers } from './hetzner/state.ts';
import { createPaperMachines } from './machines/driver.ts';

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON, to be read freely. */
  body: ReturnType<typeof JSON.parse>;
}

export type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** For tests: a cloud with paper machines, and a caller per project. */
export function cloudForTest(options: Partial<HetznerCloudOptions> = {}) {
  const machines = createPaperMachines();
  const cloud = createHetznerCloud({ machines, actionMs: 1, ...options });
  const callerWith =
    (token: string | undefined): Call =>
    async (method, path, body) => {
      const response = await cloud.app.request(`/v1${path}`, {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    };
  const caller = (project = 'p', powers: Powers = 'read_write') =>
    callerWith(cloud.issueToken({ project, powers }));
  return { cloud, machines, caller, callerWith };
}

/** A `POST /servers` body that works. */
export function serverBody(name: string, extra: Record<string, unknown> = {}) {
  return { name, server_type: 'cx23', image: 'debian-13', location: 'fsn1', ...extra };
}
