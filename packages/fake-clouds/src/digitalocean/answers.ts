import type { ImageEntry, RegionEntry, SizeEntry } from './catalogue.ts';
import type { CloudParts } from './context.ts';
import type { AccountState, ActionRow, DropletRow, FirewallRow, FirewallRule } from './state.ts';

/** A month of hours, as the vendor divides its monthly prices. */
const billedHours = 672;

export function accountAnswer(account: AccountState, mayReadDroplets: boolean) {
  return {
    // Said to those alone who may read droplets, as zero to others.
    droplet_limit: mayReadDroplets ? account.dropletLimit : 0,
    floating_ip_limit: 3,
    email: account.email,
    name: 'Sammy the Shark',
    uuid: account.uuid,
    email_verified: account.emailVerified,
    status: account.status,
    status_message: account.statusMessage,
    team: { uuid: account.uuid, name: account.name },
  };
}

/** Whether a droplet of this size can be had here now. */
export function isAvailable(
  { catalogue, faults }: CloudParts,
  account: AccountState,
  size: SizeEntry,
  region: string,
): boolean {
  return (
    size.available &&
    size.regions.includes(region) &&
    !size.soldOut.includes(region) &&
    catalogue.regions.some((entry) => entry.slug === region && entry.available) &&
    !faults.showsSoldOut(account.name, size.slug, region)
  );
}

export function regionAnswer(parts: CloudParts, account: AccountState, region: RegionEntry) {
  return {
    name: region.name,
    slug: region.slug,
    features: ['backups', 'ipv6', 'metadata', 'install_agent', 'storage', 'image_transfer'],
    available: region.available,
    sizes: parts.catalogue.sizes
      .filter((size) => isAvailable(parts, account, size, region.slug))
      .map((size) => size.slug),
  };
}

export function sizeAnswer(size: SizeEntry) {
  return {
    slug: size.slug,
    memory: size.memory,
    vcpus: size.vcpus,
    disk: size.disk,
    transfer: size.transfer,
    price_monthly: size.monthly,
    // The vendor's floats have noise behind them.
    price_hourly: Math.fround(Math.round((size.monthly / billedHours) * 100_000) / 100_000),
    regions: [...size.regions],
    available: size.available,
    description: size.description,
    disk_info: [{ type: 'local', size: { amount: size.disk, unit: 'gib' } }],
    ...(size.gpu ? { gpu_info: { count: 1, model: 'nvidia_h100', vram: { amount: 80, unit: 'gib' } } } : {}),
  };
}

export function imageAnswer(image: ImageEntry) {
  return {
    id: image.id,
    name: image.name,
    distribution: image.distribution,
    slug: image.slug,
    public: true,
    regions: [...image.regions],
    created_at: '2026-02-10T14:00:00Z',
    type: 'base',
    min_disk_size: 10,
    size_gigabytes: 0.65,
    description: `${image.distribution} ${image.name}`,
    tags: [],
    status: 'available',
    error_message: '',
  };
}

const entry = <Row extends { slug: string }>(rows: readonly Row[], slug: string): Row => {
  const found = rows.find((row) => row.slug === slug);
  if (!found) throw new Error(`The catalogue no longer has ${slug}.`);
  return found;
};

export function dropletAnswer(parts: CloudParts, account: AccountState, row: DropletRow) {
  const { catalogue } = parts;
  const size = entry(catalogue.sizes, row.size);
  const image = catalogue.images.find((candidate) => candidate.id === row.imageId);
  const net = (ip: string, type: 'public' | 'private', mask: string) => ({
    ip_address: ip,
    netmask: mask,
    gateway: ip.replace(/\d+$/, '1'),
    type,
  });
  // Addresses come with the start, as at the vendor.
  const known = row.status !== 'new';
  return {
    id: row.id,
    name: row.name,
    memory: size.memory,
    vcpus: size.vcpus,
    disk: row.disk,
    disk_info: [{ type: 'local', size: { amount: row.disk, unit: 'gib' } }],
    locked: row.locked,
    status: row.status,
    kernel: null,
    created_at: row.createdAt,
    features: [...row.features],
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: [],
    image: image ? imageAnswer(image) : {},
    volume_ids: [],
    size: sizeAnswer(size),
    size_slug: row.size,
    networks: {
      v4: known
        ? [net(row.privateIpv4, 'private', '255.255.240.0'), net(row.publicIpv4, 'public', '255.255.240.0')]
        : [],
      v6:
        known && row.ipv6 !== null
          ? [{ ip_address: row.ipv6, netmask: 64, gateway: row.ipv6.replace(/[^:]+$/, '1'), type: 'public' }]
          : [],
    },
    region: regionAnswer(parts, account, entry(catalogue.regions, row.region)),
    tags: [...row.tags],
    vpc_uuid: account.uuid,
  };
}

export function actionAnswer(parts: CloudParts, account: AccountState, row: ActionRow) {
  return {
    id: row.id,
    status: row.status,
    type: row.type,
    started_at: row.startedAt,
    completed_at: row.completedAt,
    resource_id: row.dropletId,
    resource_type: 'droplet',
    region: regionAnswer(parts, account, entry(parts.catalogue.regions, row.region)),
    region_slug: row.region,
  };
}

const ruleAnswer = (rule: FirewallRule, side: 'sources' | 'destinations') => ({
  protocol: rule.protocol,
  ports: rule.ports,
  [side]: rule.target,
});

export function firewallAnswer(account: AccountState, row: FirewallRow) {
  const guarded = account.droplets.filter(
    (droplet) => row.dropletIds.includes(droplet.id) || droplet.tags.some((tag) => row.tags.includes(tag)),
  );
  // A droplet that is being made is not behind it yet.
  const pending = guarded.filter((droplet) => droplet.status === 'new');
  return {
    id: row.id,
    name: row.name,
    status: pending.length > 0 ? 'waiting' : 'succeeded',
    inbound_rules: row.inbound.map((rule) => ruleAnswer(rule, 'sources')),
    outbound_rules: row.outbound.map((rule) => ruleAnswer(rule, 'destinations')),
    created_at: row.createdAt,
    droplet_ids: [...row.dropletIds],
    tags: [...row.tags],
    pending_changes: pending.map(({ id }) => ({ droplet_id: id, removing: false, status: 'waiting' })),
  };
}

export function tagAnswer(account: AccountState, name: string, apiOrigin: string) {
  const bearers = account.droplets.filter((droplet) => droplet.tags.includes(name));
  const last = bearers.at(-1);
  const droplets = {
    count: bearers.length,
    ...(last ? { last_tagged_uri: `${apiOrigin}/v2/droplets/${last.id}` } : {}),
  };
  const none = { count: 0 };
  return {
    name,
    resources: {
      ...droplets,
      droplets,
      images: none,
      volumes: none,
      volume_snapshots: none,
      databases: none,
    },
  };
}
