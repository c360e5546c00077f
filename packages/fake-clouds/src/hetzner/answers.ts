import type { Catalogue, ImageEntry, LocationEntry, ServerTypeEntry } from './catalogue.ts';
import { findLocation, findServerType } from './catalogue.ts';
import type { CloudParts } from './context.ts';
import { parseLabelSelector } from './selectors.ts';
import type { FirewallRow, PrimaryIpRow, ProjectState, ServerRow } from './state.ts';

/** Hetzner's price strings: net with 10 decimals, gross with 16. */
export function price(net: number, vatPercent: number) {
  return { net: net.toFixed(10), gross: ((net * (100 + vatPercent)) / 100).toFixed(16) };
}

/** About a month of hours as the vendor rounds it: the hourly price is capped by the monthly one. */
const BILLED_HOURS = 624;

export function hourly(monthlyNet: number): number {
  return Math.ceil((monthlyNet / BILLED_HOURS) * 10_000) / 10_000;
}

export function locationAnswer(entry: LocationEntry) {
  const { datacenter: _datacenter, includedTraffic: _included, trafficNet: _traffic, ...answer } = entry;
  return answer;
}

export function typePrices(catalogue: Catalogue, entry: ServerTypeEntry) {
  const vat = catalogue.vatPercent;
  return Object.entries(entry.monthlyNet).flatMap(([name, net]) => {
    const place = findLocation(catalogue, name);
    if (!place) return [];
    return [
      {
        location: name,
        price_hourly: price(hourly(net), vat),
        price_monthly: price(net, vat),
        included_traffic: place.includedTraffic,
        price_per_tb_traffic: price(place.trafficNet, vat),
      },
    ];
  });
}

/** Whether a server of this type can be had here now; a deprecated type past its end can't. */
export function isAvailable(
  parts: CloudParts,
  project: string,
  entry: ServerTypeEntry,
  location: string,
): boolean {
  return (
    entry.monthlyNet[location] !== undefined &&
    !entry.soldOut.includes(location) &&
    !isRetired(entry, parts.now()) &&
    !parts.faults.showsSoldOut(project, entry.name, location)
  );
}

export function isRetired(entry: ServerTypeEntry, now: Date): boolean {
  return entry.deprecation !== null && Date.parse(entry.deprecation.unavailable_after) <= now.getTime();
}

export function serverTypeAnswer(parts: CloudParts, project: string, entry: ServerTypeEntry) {
  return {
    id: entry.id,
    name: entry.name,
    description: entry.description,
    category: entry.category,
    cores: entry.cores,
    memory: entry.memory,
    disk: entry.disk,
    deprecated: entry.deprecation !== null,
    deprecation: entry.deprecation,
    prices: typePrices(parts.catalogue, entry),
    storage_type: 'local',
    cpu_type: entry.cpuType,
    architecture: entry.architecture,
    locations: Object.keys(entry.monthlyNet).flatMap((name) => {
      const place = findLocation(parts.catalogue, name);
      if (!place) return [];
      const available = isAvailable(parts, project, entry, name);
      return [{ id: place.id, name, deprecation: entry.deprecation, available, recommended: available }];
    }),
  };
}

export function datacenterAnswer(parts: CloudParts, project: string, place: LocationEntry) {
  const offered = parts.catalogue.serverTypes.filter((entry) => entry.monthlyNet[place.name] !== undefined);
  const available = offered
    .filter((entry) => isAvailable(parts, project, entry, place.name))
    .map((entry) => entry.id);
  return {
    ...place.datacenter,
    location: locationAnswer(place),
    server_types: {
      supported: offered.map((entry) => entry.id),
      available,
      available_for_migration: available,
    },
  };
}

export function imageAnswer(entry: ImageEntry) {
  return {
    id: entry.id,
    type: 'system',
    status: 'available',
    name: entry.name,
    description: entry.description,
    image_size: null,
    disk_size: 10,
    created: entry.created,
    created_from: null,
    bound_to: null,
    os_flavor: entry.os_flavor,
    os_version: entry.os_version,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: entry.deprecated,
    labels: {},
    deleted: null,
    architecture: entry.architecture,
  };
}

/** The firewalls in force on a server: its own and those applied by a label selector. */
export function firewallsOf(project: ProjectState, server: ServerRow): FirewallRow[] {
  return project.firewalls.filter(
    (firewall) =>
      server.firewallIds.includes(firewall.id) ||
      firewall.selectors.some((selector) => parseLabelSelector(selector)?.(server.labels)),
  );
}

export function serverAnswer(
  parts: CloudParts,
  projectName: string,
  row: ServerRow,
  faults: { omitDatacenter?: boolean } = {},
) {
  const project = parts.store.project(projectName);
  const type = findServerType(parts.catalogue, row.serverType);
  const place = findLocation(parts.catalogue, row.location);
  if (!type || !place) throw new Error(`Server ${row.id} is of a type or place the catalogue no longer has.`);
  const image = parts.catalogue.images.find((entry) => entry.id === row.imageId);
  const ipv4 = project.primaryIps.find((ip) => ip.id === row.ipv4Id);
  const ipv6 = project.primaryIps.find((ip) => ip.id === row.ipv6Id);
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    created: row.created,
    public_net: {
      ipv4: ipv4 ? { id: ipv4.id, ip: ipv4.ip, blocked: false, dns_ptr: reverseName(ipv4.ip) } : null,
      ipv6: ipv6 ? { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: [] } : null,
      floating_ips: [],
      firewalls: firewallsOf(project, row).map((firewall) => ({ id: firewall.id, status: 'applied' })),
    },
    private_net: [],
    server_type: serverTypeAnswer(parts, projectName, type),
    ...(faults.omitDatacenter ? {} : { datacenter: datacenterAnswer(parts, projectName, place) }),
    location: locationAnswer(place),
    image: image ? imageAnswer(image) : null,
    iso: null,
    rescue_enabled: false,
    locked: row.status === 'initializing' || row.status === 'deleting',
    backup_window: null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: place.includedTraffic,
    protection: row.protection,
    labels: row.labels,
    volumes: [],
    load_balancers: [],
    primary_disk_size: row.primaryDiskSize,
    placement_group: null,
  };
}

export function reverseName(ip: string): string {
  return `static.${ip.split('.').reverse().join('.')}.clients.sandbox.invalid`;
}

export function firewallAnswer(project: ProjectState, row: FirewallRow) {
  return {
    id: row.id,
    name: row.name,
    labels: row.labels,
    created: row.created,
    rules: row.rules,
    applied_to: [
      ...project.servers
        .filter((server) => server.firewallIds.includes(row.id))
        .map((server) => ({ type: 'server', server: { id: server.id } })),
      ...row.selectors.map((selector) => ({
        type: 'label_selector',
        label_selector: { selector },
        applied_to_resources: project.servers
          .filter((server) => parseLabelSelector(selector)?.(server.labels))
          .map((server) => ({ type: 'server', server: { id: server.id } })),
      })),
    ],
  };
}

export function primaryIpAnswer(parts: CloudParts, projectName: string, row: PrimaryIpRow) {
  const place = findLocation(parts.catalogue, row.location);
  if (!place) throw new Error(`Primary IP ${row.id} is in a place the catalogue no longer has.`);
  return {
    id: row.id,
    name: row.name,
    created: row.created,
    type: row.type,
    ip: row.ip,
    location: locationAnswer(place),
    datacenter: datacenterAnswer(parts, projectName, place),
    labels: row.labels,
    assignee_id: row.assigneeId,
    assignee_type: 'server',
    auto_delete: row.autoDelete,
    blocked: false,
    dns_ptr: row.type === 'ipv4' ? [{ ip: row.ip, dns_ptr: reverseName(row.ip) }] : [],
    protection: row.protection,
  };
}
