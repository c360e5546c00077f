/** What this pretend DigitalOcean sells: regions, sizes and images shaped and priced like the vendor's. Data only. */

export interface RegionEntry {
  readonly slug: string;
  readonly name: string;
  /** False while it takes no new droplets. */
  readonly available: boolean;
}

export interface SizeEntry {
  readonly slug: string;
  readonly description: string;
  /** MB */
  readonly memory: number;
  readonly vcpus: number;
  /** GB */
  readonly disk: number;
  /** TB */
  readonly transfer: number;
  /** USD */
  readonly monthly: number;
  readonly available: boolean;
  readonly regions: readonly string[];
  /** Where it is sold but can't be had now. */
  readonly soldOut: readonly string[];
  readonly gpu: boolean;
}

export interface ImageEntry {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly distribution: 'Debian' | 'Ubuntu';
  readonly regions: readonly string[];
}

export interface Catalogue {
  readonly regions: readonly RegionEntry[];
  readonly sizes: readonly SizeEntry[];
  readonly images: readonly ImageEntry[];
}

const regions: readonly RegionEntry[] = [
  { slug: 'nyc1', name: 'New York 1', available: true },
  { slug: 'nyc2', name: 'New York 2', available: false },
  { slug: 'nyc3', name: 'New York 3', available: true },
  { slug: 'sfo3', name: 'San Francisco 3', available: true },
  { slug: 'ams3', name: 'Amsterdam 3', available: true },
  { slug: 'fra1', name: 'Frankfurt 1', available: true },
  { slug: 'lon1', name: 'London 1', available: true },
  { slug: 'sgp1', name: 'Singapore 1', available: true },
  { slug: 'tor1', name: 'Toronto 1', available: true },
  { slug: 'blr1', name: 'Bangalore 1', available: true },
  { slug: 'syd1', name: 'Sydney 1', available: true },
];
const everywhere = regions.filter((region) => region.available).map((region) => region.slug);

type Shape = readonly [vcpus: number, memory: number, disk: number, transfer: number];

function size(
  slug: string,
  [vcpus, memory, disk, transfer]: Shape,
  monthly: number,
  more: Partial<SizeEntry> = {},
): SizeEntry {
  return {
    slug,
    description: 'Basic',
    vcpus,
    memory,
    disk,
    transfer,
    monthly,
    available: true,
    regions: everywhere,
    soldOut: [],
    gpu: false,
    ...more,
  };
}

const premium = { description: 'Basic AMD', regions: ['nyc3', 'fra1', 'ams3', 'lon1', 'sgp1', 'syd1'] };

const sizes: readonly SizeEntry[] = [
  size('s-1vcpu-512mb-10gb', [1, 512, 10, 0.5], 4),
  size('s-1vcpu-1gb', [1, 1024, 25, 1], 6),
  size('s-1vcpu-2gb', [1, 2048, 50, 2], 12),
  size('s-1vcpu-2gb-amd', [1, 2048, 50, 2], 14, premium),
  size('s-2vcpu-2gb', [2, 2048, 60, 3], 18),
  size('s-2vcpu-4gb', [2, 4096, 80, 4], 24, { soldOut: ['blr1'] }),
  size('s-2vcpu-4gb-amd', [2, 4096, 80, 4], 28, premium),
  size('s-4vcpu-8gb', [4, 8192, 160, 5], 48),
  size('s-8vcpu-16gb', [8, 16_384, 320, 6], 96),
  size('c-2', [2, 4096, 25, 4], 42, { description: 'CPU-Optimized' }),
  size('g-2vcpu-8gb', [2, 8192, 25, 4], 63, { description: 'General Purpose' }),
  size('1gb', [1, 1024, 30, 2], 10, { description: 'Standard', available: false }),
  size('4gb', [2, 4096, 60, 4], 40, { description: 'Standard', available: false }),
  size('gpu-h100x1-80gb', [20, 245_760, 720, 15], 2522, {
    description: 'H100 GPU',
    regions: ['nyc2', 'tor1'],
    gpu: true,
  }),
];

const images: readonly ImageEntry[] = [
  {
    id: 195_932_981,
    slug: 'debian-13-x64',
    name: '13 x64',
    distribution: 'Debian',
    regions: regions.map((region) => region.slug),
  },
  {
    id: 155_133_621,
    slug: 'debian-12-x64',
    name: '12 x64',
    distribution: 'Debian',
    regions: regions.map((region) => region.slug),
  },
  {
    id: 195_932_990,
    slug: 'ubuntu-24-04-x64',
    name: '24.04 (LTS) x64',
    distribution: 'Ubuntu',
    regions: regions.map((region) => region.slug),
  },
];

/** The offer unless a test brings its own. */
export const defaultCatalogue: Catalogue = { regions, sizes, images };
