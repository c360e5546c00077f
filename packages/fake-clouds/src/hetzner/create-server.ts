import type { FaultTarget } from '../faults/faults.ts';
import { isAvailable, isRetired } from './answers.ts';
import type { ImageEntry, LocationEntry, ServerTypeEntry } from './catalogue.ts';
import { findLocation, findServerType } from './catalogue.ts';
import type { CloudParts } from './context.ts';
import { textField } from './context.ts';
import { apiError, invalidField } from './errors.ts';
import { labelsField } from './labels.ts';
import { requireIpRoom } from './primary-ips.ts';
import type { PrimaryIpRow, ProjectState } from './state.ts';

/** The vendor's limit on user-data, in bytes. */
export const MAX_USER_DATA_BYTES = 32_768;

const HOSTNAME =
  /^(?=.{1,253}$)[a-z0-9A-Z]([a-z0-9A-Z-]{0,61}[a-z0-9A-Z])?(\.[a-z0-9A-Z]([a-z0-9A-Z-]{0,61}[a-z0-9A-Z])?)*$/;

export interface ServerOrder {
  name: string;
  type: ServerTypeEntry;
  place: LocationEntry;
  image: ImageEntry;
  labels: Record<string, string>;
  firewallIds: number[];
  userData: string;
  start: boolean;
  /** An existing address, `new` for one of its own, or null for none. */
  ipv4: PrimaryIpRow | 'new' | null;
  ipv6: PrimaryIpRow | 'new' | null;
}

/** A server's name as a checked field: a host name of RFC 1123, unique in its project. */
export function nameField(body: Record<string, unknown>, project: ProjectState, exceptId?: number): string {
  const name = textField(body, 'name', 253);
  if (!HOSTNAME.test(name)) throw invalidField('name', 'Name must be a valid hostname.');
  if (project.servers.some((row) => row.name === name && row.id !== exceptId)) {
    throw apiError('uniqueness_error', 'server name is already used', { fields: [{ name: 'name' }] });
  }
  return name;
}

function placeField(parts: CloudParts, body: Record<string, unknown>, type: ServerTypeEntry): LocationEntry {
  const { location, datacenter } = body;
  if (location && datacenter)
    throw invalidField('datacenter', 'Only one of location and datacenter may be given.');
  if (typeof datacenter === 'string' && datacenter) {
    const place = parts.catalogue.locations.find(
      (entry) => entry.datacenter.name === datacenter || String(entry.datacenter.id) === datacenter,
    );
    if (!place) throw invalidField('datacenter', `datacenter '${datacenter}' not found`);
    return place;
  }
  if (typeof location === 'string' && location) {
    const place = findLocation(parts.catalogue, location);
    if (!place) throw invalidField('location', `location '${location}' not found`);
    return place;
  }
  const place = parts.catalogue.locations.find((entry) => type.monthlyNet[entry.name] !== undefined);
  if (!place) throw apiError('placement_error', 'error during placement');
  return place;
}

function imageField(parts: CloudParts, body: Record<string, unknown>, type: ServerTypeEntry): ImageEntry {
  const wanted = body.image;
  if (typeof wanted !== 'string' && typeof wanted !== 'number') {
    throw invalidField('image', 'Missing data for required field.');
  }
  const named = parts.catalogue.images.filter(
    (entry) => entry.name === wanted || String(entry.id) === String(wanted),
  );
  if (named.length === 0) throw invalidField('image', `image '${wanted}' not found`);
  const image = named.find((entry) => entry.architecture === type.architecture);
  if (!image)
    throw invalidField(
      'image',
      `image is not compatible with the architecture of server type '${type.name}'`,
    );
  return image;
}

function firewallsField(body: Record<string, unknown>, project: ProjectState): number[] {
  if (body.firewalls === undefined || body.firewalls === null) return [];
  if (!Array.isArray(body.firewalls)) throw invalidField('firewalls', 'Not a valid list.');
  return body.firewalls.map((entry: { firewall?: unknown }) => {
    const id = Number(entry?.firewall);
    if (!project.firewalls.some((row) => row.id === id)) {
      throw apiError('not_found', `firewall with ID '${id}' not found`);
    }
    return id;
  });
}

function addressField(
  net: Record<string, unknown>,
  family: 'ipv4' | 'ipv6',
  project: ProjectState,
  place: LocationEntry,
): PrimaryIpRow | 'new' | null {
  if (net[`enable_${family}`] === false) return null;
  const id = net[family];
  if (id === undefined || id === null || id === 0) return 'new';
  const row = project.primaryIps.find((candidate) => candidate.id === id && candidate.type === family);
  if (!row) throw apiError('not_found', `primary IP with ID '${id}' not found`);
  if (row.assigneeId !== null) throw apiError('resource_in_use', 'primary IP is already assigned');
  if (row.location !== place.name)
    throw invalidField(`public_net.${family}`, 'Primary IP is in another location.');
  return row;
}

/** Checks a `POST /servers` body in the vendor's order and with the vendor's errors; changes nothing. */
export function readServerOrder(
  parts: CloudParts,
  projectName: string,
  project: ProjectState,
  body: Record<string, unknown>,
): ServerOrder {
  const name = nameField(body, project);
  const wantedType = body.server_type;
  if (typeof wantedType !== 'string' && typeof wantedType !== 'number') {
    throw invalidField('server_type', 'Missing data for required field.');
  }
  const type = findServerType(parts.catalogue, wantedType);
  if (!type) throw invalidField('server_type', `server type '${wantedType}' not found`);
  if (isRetired(type, parts.now()))
    throw invalidField('server_type', `server type '${type.name}' is deprecated`);
  const place = placeField(parts, body, type);
  if (type.monthlyNet[place.name] === undefined) {
    throw invalidField('location', `unsupported location for server type '${type.name}'`);
  }
  const image = imageField(parts, body, type);
  const labels = labelsField(body) ?? {};
  const firewallIds = firewallsField(body, project);
  for (const kind of ['ssh_keys', 'volumes', 'networks'] as const) {
    const list = body[kind];
    if (Array.isArray(list) && list.length > 0) throw apiError('not_found', `${kind} '${list[0]}' not found`);
  }
  const userData = body.user_data ?? '';
  if (typeof userData !== 'string') throw invalidField('user_data', 'Not a valid string.');
  if (Buffer.byteLength(userData) > MAX_USER_DATA_BYTES) {
    throw invalidField('user_data', `Longer than maximum length ${MAX_USER_DATA_BYTES}.`);
  }
  const net = (body.public_net ?? {}) as Record<string, unknown>;
  const ipv4 = addressField(net, 'ipv4', project, place);
  const ipv6 = addressField(net, 'ipv6', project, place);
  if (ipv4 === null && ipv6 === null) {
    throw invalidField('public_net', 'A server without a network needs a public address.');
  }
  if (project.servers.length >= parts.limits.servers) {
    throw apiError('resource_limit_exceeded', 'server_limit exceeded', {
      limits: [{ name: 'server_limit' }],
    });
  }
  requireIpRoom(parts, project, ipv4 === 'new' ? 1 : 0);
  const target: FaultTarget = {
    method: 'POST',
    path: '/servers',
    account: projectName,
    makes: 'server',
    size: type.name,
    region: place.name,
  };
  if (parts.faults.take(['sold_out'], target) || !isAvailable(parts, projectName, type, place.name)) {
    throw apiError(
      'resource_unavailable',
      `server type '${type.name}' is currently unavailable in '${place.name}'`,
    );
  }
  return {
    name,
    type,
    place,
    image,
    labels,
    firewallIds,
    userData,
    ipv4,
    ipv6,
    start: body.start_after_create !== false,
  };
}
