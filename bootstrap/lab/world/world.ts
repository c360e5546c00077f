import { join } from 'node:path';
import type { Authority } from '../authority.ts';
import type { Door } from '../door.ts';
import type { Archives } from '../host-packages.ts';
import type { Addresses } from '../network.ts';
import { serveDns } from './dns.ts';
import { createFaultBoard, type FaultBoard, type FaultKind, type FaultTarget } from './faults.ts';
import { type MachineRecord, serveMetadata } from './metadata.ts';
import { createRegistry, type MadeUpPackage } from './registry.ts';
import { openStore } from './store.ts';
import { serveWeb, type WorldRequest } from './web.ts';

/** All that machines can reach. */
export interface World {
  /** The npm registry's address in the machines' world. */
  npmRegistry: string;
  /** Breaks a part of the world, for its next `times` requests or until `mend`. `host` is this computer. */
  break(target: FaultTarget | 'all', how: FaultKind, times?: number): void;
  mend(target?: FaultTarget | 'all'): void;
  /** What machines asked for, in order; the metadata service included. */
  requests(): WorldRequest[];
  /** Serves a made-up version of an npm package, before the true registry's. */
  publish(pkg: MadeUpPackage): void;
}

export interface WorldOptions {
  addresses: Addresses;
  door: Door;
  authority: Authority;
  archives: Archives;
  folder: string;
  machines: () => MachineRecord[];
}

const registryHost = 'registry.lab.test';

/** Opens names, web and metadata service on the router. */
export async function openWorld(
  options: WorldOptions,
): Promise<World & { faults: FaultBoard; close(): Promise<void> }> {
  const { addresses, door, authority, archives, machines } = options;
  const faults = createFaultBoard();
  const requests: WorldRequest[] = [];
  const npmRegistry = `https://${registryHost}/`;
  const store = openStore(join(options.folder, 'web'), Date.now);
  const registry = createRegistry(npmRegistry, store);
  const [dns, http, https, metadata] = await Promise.all([
    door.udp(addresses.gateway, 53),
    door.tcp(addresses.internet, 80),
    door.tcp(addresses.internet, 443),
    door.tcp(addresses.metadata, 80),
  ]);
  const find = (name: string) => {
    if (name === 'host.lab.test') return { ipv4: addresses.host };
    const own = /^([^.]+)\.lab\.test$/.exec(name)?.[1];
    return machines().find((machine) => machine.name === own);
  };
  serveDns(dns, { find, elsewhere: addresses.internet }, faults);
  const seen = (request: WorldRequest) => void requests.push(request);
  const closeWeb = serveWeb({
    http,
    https,
    authority,
    archives,
    store,
    registry,
    registryHost,
    faults,
    seen,
    now: Date.now,
  });
  const closeMetadata = serveMetadata(
    metadata,
    (ipv4) => machines().find((machine) => machine.ipv4 === ipv4),
    (from, url, status) => seen({ at: Date.now(), from, host: addresses.metadata, url, status }),
  );
  return {
    npmRegistry,
    faults,
    break: faults.break,
    mend: faults.mend,
    requests: () => [...requests],
    publish: registry.publish,
    async close() {
      dns.close();
      closeMetadata();
      await closeWeb();
    },
  };
}
