import { setTimeout as delay } from 'node:timers/promises';
import { takeBootBehaviour } from '../faults/faults.ts';
import { isAvailable } from './answers.ts';
import type { ImageEntry, SizeEntry } from './catalogue.ts';
import { type CloudParts, stamp, texts } from './context.ts';
import { overLimit, unprocessable } from './errors.ts';
import type { AccountState, ActionRow, DropletRow } from './state.ts';

const dropletName = /^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/;
export const tagName = /^[a-zA-Z0-9_:-]{1,255}$/;
/** The vendor's limit on user-data, in bytes. */
const maxUserDataBytes = 65_536;
const maxBootDelayMs = 3_600_000;

export interface DropletOrder {
  readonly name: string;
  readonly size: SizeEntry;
  readonly region: string;
  readonly image: ImageEntry;
  readonly tags: readonly string[];
  readonly userData: string;
  readonly sshKeys: readonly string[];
  readonly features: readonly string[];
}

/** Checks the body of a `POST /v2/droplets` and answers as the vendor does; changes nothing. */
export function readDropletOrder(
  parts: CloudParts,
  account: AccountState,
  body: Record<string, unknown>,
): DropletOrder {
  const { catalogue, faults } = parts;
  const { name, size: wantedSize, region, image: wantedImage, user_data: userData = '' } = body;
  if (typeof name !== 'string' || name.length > 255 || !dropletName.test(name))
    throw unprocessable('Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)');
  const size = catalogue.sizes.find((entry) => entry.slug === wantedSize);
  if (!size?.available) throw unprocessable('You specified an invalid size for Droplet creation.');
  const place = catalogue.regions.find((entry) => entry.slug === region);
  if (!place) throw unprocessable('You specified an invalid region for Droplet creation.');
  if (!place.available) throw unprocessable('Region is not available');
  const image = catalogue.images.find((entry) => entry.slug === wantedImage || entry.id === wantedImage);
  if (!image) throw unprocessable('You specified an invalid image for Droplet creation.');
  if (!image.regions.includes(place.slug))
    throw unprocessable('The image you specified is not available in the selected region.');
  if (typeof userData !== 'string' || Buffer.byteLength(userData) > maxUserDataBytes)
    throw unprocessable('User data is too large.');
  const tags = texts(body.tags);
  if (!tags.every((tag) => tagName.test(tag))) throw unprocessable('Tags are invalid.');
  const target = {
    method: 'POST',
    path: '/droplets',
    account: account.name,
    makes: 'server' as const,
    size: size.slug,
    region: place.slug,
  };
  if (faults.take(['sold_out'], target) || !isAvailable(parts, account, size, place.slug))
    throw unprocessable('Size is not available in this region.');
  if (account.droplets.length >= account.dropletLimit) throw unprocessable(overLimit);
  return {
    name,
    size,
    region: place.slug,
    image,
    tags,
    userData,
    sshKeys: Array.isArray(body.ssh_keys) ? body.ssh_keys.map(String) : [],
    features: [
      ...(body.backups === true ? ['backups'] : []),
      ...(body.monitoring === true ? ['monitoring'] : []),
      ...(body.ipv6 === true ? ['ipv6'] : []),
      ...(body.with_droplet_agent === true ? ['droplet_agent'] : []),
      'private_networking',
    ],
  };
}

export interface DropletLife {
  make(account: AccountState, order: DropletOrder): Promise<{ row: DropletRow; action: ActionRow }>;
  powerOn(row: DropletRow): Promise<void>;
  powerOff(row: DropletRow, how: 'shutdown' | 'pull'): Promise<void>;
  reboot(row: DropletRow, how: 'shutdown' | 'pull'): Promise<void>;
  /** Ends the machine and takes the droplet out of the account; its tags stay. */
  remove(account: AccountState, row: DropletRow): Promise<void>;
  close(): void;
}

/** What happens to a droplet's machine and row between the API's answers. */
export function createDropletLife(parts: CloudParts): DropletLife {
  const { machines, faults, actions, history } = parts;
  const lateBoots = new Map<number, AbortController>();

  function cancelLateBoot(id: number) {
    lateBoots.get(id)?.abort();
    lateBoots.delete(id);
  }

  function bootLate({ id, boot }: DropletRow) {
    const waiting = new AbortController();
    lateBoots.set(id, waiting);
    delay(Math.min(boot.delayMs, maxBootDelayMs), undefined, { signal: waiting.signal, ref: false })
      .then(() => machines.powerOn(id))
      .catch(() => undefined); // switched off or destroyed before it booted
  }

  const life: DropletLife = {
    async make(account, order) {
      const id = parts.nextId();
      const target = { method: 'POST', path: '/droplets', account: account.name, makes: 'server' as const };
      const outcome = faults.take(['action_fails', 'action_stuck'], target)?.kind;
      const host = id % 250;
      const row: DropletRow = {
        id,
        name: order.name,
        createdAt: stamp(parts.now()),
        status: 'new',
        locked: true,
        size: order.size.slug,
        disk: order.size.disk,
        region: order.region,
        imageId: order.image.id,
        image: order.image.slug,
        tags: [...order.tags],
        features: [...order.features],
        userData: order.userData,
        sshKeys: order.sshKeys,
        publicIpv4: `203.0.113.${host + 2}`,
        privateIpv4: `10.114.0.${host + 2}`,
        ipv6: order.features.includes('ipv6') ? `2001:db8:0:1010::${id.toString(16).slice(-4)}` : null,
        boot: takeBootBehaviour(faults, target),
      };
      account.droplets.push(row);
      for (const tag of order.tags) if (!account.tags.includes(tag)) account.tags.push(tag);
      history.push({ event: 'created', dropletId: id, tags: order.tags });
      await machines.create({
        id,
        name: row.name,
        userData: row.userData,
        serverType: row.size,
        image: order.image.slug,
        location: row.region,
        publicIpv4: row.publicIpv4,
      });
      const action = actions.start({
        account,
        droplet: row,
        type: 'create',
        ...(outcome === 'action_stuck' ? { outcome: 'stuck' as const } : {}),
        ...(outcome === 'action_fails' ? { outcome: 'fails' as const } : {}),
        // A droplet that couldn't be made is taken away again by the vendor.
        effect: async () => {
          if (!account.droplets.includes(row)) return;
          await (outcome === 'action_fails' ? life.remove(account, row) : life.powerOn(row));
        },
      });
      return { row, action };
    },
    async powerOn(row) {
      row.status = 'active';
      if (row.boot.kind === 'never') return;
      if (row.boot.kind === 'slow') bootLate(row);
      else await machines.powerOn(row.id);
    },
    async powerOff(row, how) {
      cancelLateBoot(row.id);
      await machines.powerOff(row.id, how);
      row.status = 'off';
    },
    async reboot(row, how) {
      cancelLateBoot(row.id);
      if (row.boot.kind !== 'never') await machines.reboot(row.id, how);
      row.status = 'active';
    },
    async remove(account, row) {
      cancelLateBoot(row.id);
      await machines.destroy(row.id);
      if (!account.droplets.includes(row)) return;
      account.droplets = account.droplets.filter((candidate) => candidate !== row);
      for (const firewall of account.firewalls)
        firewall.dropletIds = firewall.dropletIds.filter((id) => id !== row.id);
      history.push({ event: 'deleted', dropletId: row.id, tags: row.tags });
    },
    close() {
      for (const id of [...lateBoots.keys()]) cancelLateBoot(id);
    },
  };
  return life;
}
