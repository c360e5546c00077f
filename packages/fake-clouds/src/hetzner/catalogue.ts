/**
 * What the sandbox sells: locations, server types, images and prices shaped and priced like Hetzner's.
 * Data only; availability that changes at run time (faults) is asked for by the callers.
 */

export type Architecture = 'x86' | 'arm';

export interface LocationEntry {
  id: number;
  name: string;
  description: string;
  city: string;
  country: string;
  latitude: number;
  longitude: number;
  network_zone: string;
  datacenter: { id: number; name: string; description: string };
  /** Included outgoing traffic in bytes per month. */
  includedTraffic: number;
  /** Net EUR per TB beyond the included traffic. */
  trafficNet: number;
}

export interface ServerTypeEntry {
  id: number;
  name: string;
  description: string;
  category: string;
  cores: number;
  /** GB */
  memory: number;
  /** GB */
  disk: number;
  architecture: Architecture;
  cpuType: 'shared' | 'dedicated';
  /** Net EUR per month, by location; a location absent here does not offer the type. */
  monthlyNet: Record<string, number>;
  /** Locations where it is offered but sold out from the start. */
  soldOut: string[];
  deprecation: { announced: string; unavailable_after: string } | null;
}

export interface ImageEntry {
  id: number;
  name: string;
  description: string;
  os_flavor: 'debian' | 'ubuntu';
  os_version: string;
  architecture: Architecture;
  deprecated: string | null;
  created: string;
}

export interface Catalogue {
  locations: LocationEntry[];
  serverTypes: ServerTypeEntry[];
  images: ImageEntry[];
  /** Percent, as in the vendor's `vat_rate`. */
  vatPercent: number;
}

const TB = 1024 ** 4;

function location(
  id: number,
  name: string,
  city: string,
  country: string,
  at: [number, number],
  zone: string,
  dc: [number, string, string],
  traffic: { includedTb: number; perTb: number },
): LocationEntry {
  return {
    id,
    name,
    description: `${city} DC Park 1`,
    city,
    country,
    latitude: at[0],
    longitude: at[1],
    network_zone: zone,
    datacenter: { id: dc[0], name: dc[1], description: dc[2] },
    includedTraffic: Math.round(traffic.includedTb * TB),
    trafficNet: traffic.perTb,
  };
}

const EU = { includedTb: 20, perTb: 1 };
const US = { includedTb: 1, perTb: 1 };
const ASIA = { includedTb: 0.5, perTb: 7.4 };

const locations: LocationEntry[] = [
  location(
    1,
    'fsn1',
    'Falkenstein',
    'DE',
    [50.47612, 12.370071],
    'eu-central',
    [4, 'fsn1-dc14', 'Falkenstein 1 virtual DC 14'],
    EU,
  ),
  location(
    2,
    'nbg1',
    'Nuremberg',
    'DE',
    [49.452102, 11.076665],
    'eu-central',
    [2, 'nbg1-dc3', 'Nuremberg 1 virtual DC 3'],
    EU,
  ),
  location(
    3,
    'hel1',
    'Helsinki',
    'FI',
    [60.169855, 24.938379],
    'eu-central',
    [3, 'hel1-dc2', 'Helsinki 1 virtual DC 2'],
    EU,
  ),
  location(
    4,
    'ash',
    'Ashburn, VA',
    'US',
    [39.045821, -77.487073],
    'us-east',
    [5, 'ash-dc1', 'Ashburn virtual DC 1'],
    US,
  ),
  location(
    5,
    'hil',
    'Hillsboro, OR',
    'US',
    [45.54222, -122.951924],
    'us-west',
    [6, 'hil-dc1', 'Hillsboro virtual DC 1'],
    US,
  ),
  location(
    6,
    'sin',
    'Singapore',
    'SG',
    [1.283333, 103.833333],
    'ap-southeast',
    [7, 'sin-dc1', 'Singapore virtual DC 1'],
    ASIA,
  ),
];

const europe = (net: number) => ({ fsn1: net, nbg1: net, hel1: net });
const overseas = (us: number, asia: number) => ({ ash: us, hil: us, sin: asia });

type Shape = [cores: number, memoryGb: number, diskGb: number];

function serverType(
  id: number,
  name: string,
  [cores, memory, disk]: Shape,
  monthlyNet: Record<string, number>,
  extra: Partial<ServerTypeEntry> = {},
): ServerTypeEntry {
  return {
    id,
    name,
    description: name.toUpperCase(),
    category: 'Shared vCPU',
    cores,
    memory,
    disk,
    architecture: 'x86',
    cpuType: 'shared',
    monthlyNet,
    soldOut: [],
    deprecation: null,
    ...extra,
  };
}

const COST_OPTIMIZED = { category: 'Cost-Optimized' };
const ARM = { category: 'Cost-Optimized', architecture: 'arm' as const };
const DEDICATED = { category: 'General Purpose', cpuType: 'dedicated' as const };

const serverTypes: ServerTypeEntry[] = [
  serverType(104, 'cx22', [2, 4, 40], europe(3.79), {
    ...COST_OPTIMIZED,
    deprecation: { announced: '2025-10-16T06:00:00Z', unavailable_after: '2026-01-01T06:00:00Z' },
  }),
  serverType(114, 'cx23', [2, 4, 40], europe(3.49), COST_OPTIMIZED),
  serverType(115, 'cx33', [4, 8, 80], europe(5.49), COST_OPTIMIZED),
  serverType(116, 'cx43', [8, 16, 160], europe(9.49), COST_OPTIMIZED),
  serverType(117, 'cx53', [16, 32, 320], europe(17.49), { ...COST_OPTIMIZED, soldOut: ['hel1'] }),
  serverType(45, 'cax11', [2, 4, 40], europe(3.79), ARM),
  serverType(93, 'cax21', [4, 8, 80], europe(6.49), ARM),
  serverType(94, 'cax31', [8, 16, 160], europe(12.49), { ...ARM, soldOut: ['nbg1'] }),
  serverType(22, 'cpx11', [2, 2, 40], overseas(4.49, 4.99)),
  serverType(23, 'cpx21', [3, 4, 80], overseas(8.49, 9.49), {
    deprecation: { announced: '2026-09-01T06:00:00Z', unavailable_after: '2099-01-01T06:00:00Z' },
  }),
  serverType(24, 'cpx31', [4, 8, 160], overseas(15.49, 17.49)),
  serverType(108, 'cpx12', [1, 2, 40], europe(5.49)),
  serverType(109, 'cpx22', [2, 4, 80], { ...europe(5.99), ...overseas(7.99, 8.99) }),
  serverType(110, 'cpx32', [4, 8, 160], { ...europe(10.49), ...overseas(13.99, 15.49) }),
  serverType(96, 'ccx13', [2, 8, 80], { ...europe(11.99), ...overseas(12.99, 14.99) }, DEDICATED),
];

function image(
  id: number,
  flavor: 'debian' | 'ubuntu',
  version: string,
  architecture: Architecture,
  created: string,
  deprecated: string | null = null,
): ImageEntry {
  const label = flavor === 'debian' ? 'Debian' : 'Ubuntu';
  return {
    id,
    name: `${flavor}-${version}`,
    description: `${label} ${version}`,
    os_flavor: flavor,
    os_version: version,
    architecture,
    created,
    deprecated,
  };
}

const images: ImageEntry[] = [
  image(45557056, 'debian', '11', 'x86', '2021-08-16T11:12:01Z', '2026-09-01T00:00:00Z'),
  image(114690387, 'debian', '12', 'x86', '2023-06-13T06:00:28Z'),
  image(114690389, 'debian', '12', 'arm', '2023-06-13T06:00:29Z'),
  image(310557660, 'debian', '13', 'x86', '2025-08-12T05:28:04Z'),
  image(310557661, 'debian', '13', 'arm', '2025-08-12T05:28:05Z'),
  image(161547269, 'ubuntu', '24.04', 'x86', '2024-04-25T13:26:27Z'),
  image(161547270, 'ubuntu', '24.04', 'arm', '2024-04-25T13:26:51Z'),
];

/** The sandbox's own offer; tests may pass another. Prices are examples, not Hetzner's price list. */
export const defaultCatalogue: Catalogue = { locations, serverTypes, images, vatPercent: 19 };

/** One server type by numeric id or by name, as the vendor's requests allow both. */
export function findServerType(catalogue: Catalogue, idOrName: string | number): ServerTypeEntry | undefined {
  return catalogue.serverTypes.find(
    (entry) => entry.name === idOrName || String(entry.id) === String(idOrName),
  );
}

/** One location by numeric id or by name. */
export function findLocation(catalogue: Catalogue, idOrName: string | number): LocationEntry | undefined {
  return catalogue.locations.find(
    (entry) => entry.name === idOrName || String(entry.id) === String(idOrName),
  );
}
