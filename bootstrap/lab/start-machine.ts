import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedOpenClawVersion } from '../agent/src/version.ts';
import type { Authority } from './authority.ts';
import { ensureImage, type Release } from './base-image.ts';
import { createContainer } from './machine/container.ts';
import { createMachine, endOf, type LabMachine } from './machine/machine.ts';
import { createVm } from './machine/vm.ts';
import { type Addresses, plugIn, plugInTap, unplug, unplugTap } from './network.ts';
import { seedOf } from './seed.ts';
import type { Slot } from './slot.ts';
import { ensureStandIn } from './stand-in.ts';
import type { MachineRecord } from './world/metadata.ts';

export interface MachineStart {
  /** Lower-case letters, digits and hyphens; at most 30. @default m10, m11 ... */
  name?: string;
  /** @default its name */
  hostname?: string;
  userData: string;
  /** @default trixie */
  release?: Release;
  /** @default container */
  kind?: 'container' | 'vm';
  /** Of a virtual machine; a container has what this computer has. @default 1024 */
  memoryMb?: number;
  /** Size of the disk, for tests that fill it. @default of a container: as much as this computer has; else 10 GB */
  diskMb?: number;
  /**
   * What is installed already, read-only, at `/opt/claw/store/openclaw-<version>`: `warm`, the OpenClaw that this
   * computer's sandbox uses; `stand-in`, a light one that is ready in half a second. @default none
   */
  openclaw?: 'none' | 'warm' | 'stand-in';
  /** Further folders of this computer that the machine sees, read-only. */
  binds?: { from: string; to: string }[];
  /** Files that the provider's image brings: path to content. */
  imageFiles?: Record<string, string>;
  /** @default true */
  boot?: boolean;
}

/** What a machine needs of its lab. */
export interface Site {
  slot: Slot;
  addresses: Addresses;
  authority: Authority;
  /** `~/.cache/claw-cloud`. */
  cache: string;
  artefacts: string | undefined;
  log: (line: string) => void;
}

export interface Standing {
  machine: LabMachine;
  record: MachineRecord;
}

/** The image of a release, built when it isn't there. */
export function imageFor(
  { cache, authority, log }: Site,
  release: Release,
  kind: 'container' | 'vm',
): Promise<string> {
  return ensureImage({ folder: join(cache, 'lab/images'), release, kind, authority, log, now: new Date() });
}

/** Makes a machine, without booting it. `gone` is called when it has been destroyed. */
export async function makeMachine(
  site: Site,
  spec: MachineStart,
  index: number,
  gone: () => void,
): Promise<Standing> {
  const { slot, addresses, cache, artefacts, log } = site;
  const { userData, release = 'trixie', kind = 'container', imageFiles = {}, name = `m${index}` } = spec;
  const image = await imageFor(site, release, kind);
  const binds = [...storeOf(cache, spec.openclaw), ...(spec.binds ?? [])];
  if (spec.openclaw === 'stand-in') binds.push(await standIn(cache));
  const folder = join(slot.folder, name);
  mkdirSync(folder, { recursive: true });
  const serialLog = artefacts ? join(artefacts, `${name}.log`) : join(folder, 'serial.log');
  writeFileSync(serialLog, '');
  const { ipv4, ipv6, mac } = addresses.machine(index);
  const record = { id: index, name, ipv4, ipv6, mac, gateway: addresses.gateway, userData };

  const isVirtual = kind === 'vm';
  const own = `${addresses.namespace}-${name}`;
  const tap = `t${index}`;
  await (isVirtual ? plugInTap(addresses, tap) : plugIn(addresses, own, index));
  const common = {
    slot,
    name,
    folder,
    image,
    serialLog,
    binds,
    memoryMb: spec.memoryMb ?? 1024,
    ...(spec.diskMb ? { diskMb: spec.diskMb } : {}),
    lastWords: () => endOf(serialLog, 3000),
  };
  const { namespace } = addresses;
  const body = isVirtual
    ? await createVm({ ...common, namespace, cache: join(cache, 'lab'), mac, tap, log })
    : await createContainer({ ...common, namespace: own });
  const instance = `${slot.number}-${index}-${Date.now().toString(36)}`;
  const seed = seedOf({ ...record, name: spec.hostname ?? name }, addresses, instance);
  for (const [path, content] of Object.entries({ ...imageFiles, ...seed })) await body.bring(path, content);

  const ownNamespace = isVirtual ? '' : own;
  const names = { name, ipv4, ipv6, folder, namespace, ownNamespace, serialLog, isVirtual };
  const machine = createMachine(body, names, async () => {
    await (isVirtual ? unplugTap(addresses, tap) : unplug(own));
    rmSync(folder, { recursive: true, force: true });
    gone();
  });
  return { machine, record };
}

const storePath = `/opt/claw/store/openclaw-${pinnedOpenClawVersion}`;

/** This computer's own OpenClaw, where a machine expects it. */
function storeOf(cache: string, kind: MachineStart['openclaw']): { from: string; to: string }[] {
  if (kind !== 'warm') return [];
  const from = join(cache, 'instance-store', `openclaw-${pinnedOpenClawVersion}`);
  if (!existsSync(join(from, '.complete.json'))) {
    throw new Error(`There is no OpenClaw ${pinnedOpenClawVersion} in ${from}; npm run setup brings it.`);
  }
  return [{ from, to: storePath }];
}

async function standIn(cache: string): Promise<{ from: string; to: string }> {
  return { from: await ensureStandIn(join(cache, 'lab/stand-in'), pinnedOpenClawVersion), to: storePath };
}
