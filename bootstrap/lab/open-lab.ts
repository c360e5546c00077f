import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { openAuthority } from './authority.ts';
import type { Release } from './base-image.ts';
import { openDoor } from './door.ts';
import { cacheFolder } from './env.ts';
import { ensureHostPackages, hostArchives } from './host-packages.ts';
import type { LabMachine } from './machine/machine.ts';
import { addressesOf, makeNetwork } from './network.ts';
import { type Ended, runProgram } from './program.ts';
import { takeSlot } from './slot.ts';
import { imageFor, type MachineStart, makeMachine, type Standing } from './start-machine.ts';
import { whyNoLab } from './why-no-lab.ts';
import { forward } from './world/forward.ts';
import { openWorld, type World } from './world/world.ts';

export interface LabOptions {
  log?: (line: string) => void;
  signal?: AbortSignal;
  /** A folder that gets each machine's serial log, as `<machine>.log`. */
  artefacts?: string;
}

export interface Lab {
  /** This computer, as machines see it; they know it as `host.lab.test` too. */
  hostAddress: string;
  /** The network outside the machines: `ip netns exec <namespace> ...` scans from there. */
  namespace: string;
  /** An address under which a port of this computer's loopback is reached by machines, and by this computer. */
  expose(port: number): Promise<string>;
  /** Runs a program of this computer on the machines' network, outside of them. */
  outside(argv: readonly string[], options?: { timeoutMs?: number; input?: string }): Promise<Ended>;
  world: World;
  /** Builds the image of a release if it isn't there, so that `start` takes no longer than a boot. */
  prepare(release?: Release): Promise<void>;
  start(spec: MachineStart): Promise<LabMachine>;
  machines(): LabMachine[];
  /** Ends everything the lab made. */
  close(): Promise<void>;
}

const firstAddress = 10;
const lastAddress = 250;

/**
 * Opens a lab: a network of its own on this computer, whose machines boot real Debians. Takes a second; the first
 * time on a computer its programs are installed by apt. Raises with `whyNoLab()` where that can't be.
 */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const { log = () => undefined, signal } = options;
  const artefacts = options.artefacts && resolve(options.artefacts);
  const why = whyNoLab();
  if (why) throw new Error(why);
  await ensureHostPackages({ 'systemd-nspawn': 'systemd-container' }, log);
  const archives = hostArchives()!;
  const cache = cacheFolder();
  const folder = join(cache, 'lab');
  mkdirSync(join(folder, 'images'), { recursive: true });
  signal?.throwIfAborted();
  const authority = await openAuthority(join(folder, 'authority'));
  const slot = await takeSlot(join(folder, 'run'));
  const addresses = addressesOf(slot.number);
  const machines = new Map<string, Standing>();
  const endings: (() => void | Promise<void>)[] = [];
  let closed: Promise<void> | undefined;

  async function end(): Promise<void> {
    // The warden's clean-up ends machines, at once and in any state; what listens for them ends first.
    for (const ending of endings.reverse()) await ending();
    await slot.release();
    signal?.removeEventListener('abort', onAbort);
  }
  const close = () => {
    closed ??= end();
    return closed;
  };
  const onAbort = () => void close();

  try {
    mkdirSync(slot.folder, { recursive: true });
    if (artefacts) mkdirSync(artefacts, { recursive: true });
    await makeNetwork(addresses);
    const door = openDoor(addresses.namespace);
    endings.push(() => door.close());
    const world = await openWorld({
      addresses,
      door,
      authority,
      archives,
      folder,
      machines: () => [...machines.values()].map(({ record }) => record),
    });
    endings.push(() => world.close());
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort, { once: true });
    log(`lab ${slot.number} is open`);

    const exposed = new Map<number, Promise<string>>();
    async function expose(port: number): Promise<string> {
      const here: Server = createServer();
      here.listen(0, addresses.host);
      await once(here, 'listening');
      const { port: own } = here.address() as { port: number };
      const there = await door.tcp(addresses.host, own);
      for (const listening of [here, there]) endings.push(forward(listening, port, world.faults));
      return `http://${addresses.host}:${own}`;
    }

    function freeIndex(): number {
      const used = new Set([...machines.values()].map(({ record }) => record.id));
      for (let index = lastIndex + 1; index <= lastAddress; index += 1) if (!used.has(index)) return index;
      for (let index = firstAddress; index <= lastAddress; index += 1) if (!used.has(index)) return index;
      throw new Error('The lab has no address left.');
    }
    let lastIndex = firstAddress - 1;

    const site = { slot, addresses, authority, cache, artefacts, log };
    const names = new Set<string>();

    async function start(spec: MachineStart): Promise<LabMachine> {
      if (closed) throw new Error('The lab is closed.');
      const index = freeIndex();
      lastIndex = index;
      const name = spec.name ?? `m${index}`;
      if (!/^[a-z][a-z0-9-]{0,29}$/.test(name)) throw new Error(`'${name}' is not a machine's name.`);
      if (names.has(name)) throw new Error(`There is a machine '${name}' already.`);
      names.add(name);
      const gone = () => {
        names.delete(name);
        machines.delete(name);
      };
      const standing = await makeMachine(site, { ...spec, name }, index, gone);
      const { machine } = standing;
      machines.set(name, standing);
      if (spec.boot === false) return machine;
      try {
        await machine.powerOn();
        return machine;
      } catch (error) {
        await machine.destroy();
        throw error;
      }
    }

    return {
      hostAddress: addresses.host,
      namespace: addresses.namespace,
      expose(port) {
        let address = exposed.get(port);
        if (!address) {
          address = expose(port);
          exposed.set(port, address);
        }
        return address;
      },
      outside: (argv, more = {}) => runProgram(['ip', 'netns', 'exec', addresses.namespace, ...argv], more),
      world,
      prepare: async (release = 'trixie') => void (await imageFor(site, release, 'container')),
      start,
      machines: () => [...machines.values()].map(({ machine }) => machine),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
