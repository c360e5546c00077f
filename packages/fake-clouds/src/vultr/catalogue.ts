/** What a pretend Vultr sells. Prices are Vultr's list prices of autumn 2026 in US dollars a month. */
export interface Plan {
  id: string;
  /** `vc2`, `vhf`, `vhp`, `voc` run as ordinary servers; `vdc` and `vcg` are other products of the same list. */
  type: string;
  vcpus: number;
  ramMb: number;
  diskGb: number;
  monthly: number;
  /** Regions that have the plan. */
  locations: string[];
  /** Regions where it is sold out at the moment, though the plan still names them. */
  soldOut?: string[];
}

export interface Region {
  id: string;
  city: string;
  country: string;
  continent: string;
}

export interface OperatingSystem {
  id: number;
  name: string;
  arch: string;
  family: string;
}

export interface Catalogue {
  regions: Region[];
  plans: Plan[];
  os: OperatingSystem[];
}

const everywhere = ['ewr', 'fra', 'ams', 'nrt', 'syd'];
const plan = (
  id: string,
  type: string,
  [vcpus, ramMb, diskGb, monthly]: [number, number, number, number],
  locations: string[] = everywhere,
  soldOut?: string[],
): Plan => ({ id, type, vcpus, ramMb, diskGb, monthly, locations, ...(soldOut ? { soldOut } : {}) });

/** Enough of the vendor's offer to choose, to be refused and to grow: also what no assistant can run on. */
export const defaultCatalogue: Catalogue = {
  regions: [
    { id: 'ewr', city: 'New Jersey', country: 'US', continent: 'North America' },
    { id: 'fra', city: 'Frankfurt', country: 'DE', continent: 'Europe' },
    { id: 'ams', city: 'Amsterdam', country: 'NL', continent: 'Europe' },
    { id: 'nrt', city: 'Tokyo', country: 'JP', continent: 'Asia' },
    { id: 'syd', city: 'Sydney', country: 'AU', continent: 'Australia' },
  ],
  plans: [
    plan('vc2-1c-0.5gb-v6', 'vc2', [1, 512, 10, 2.5], ['ewr']),
    plan('vc2-1c-1gb', 'vc2', [1, 1024, 25, 5]),
    plan('vc2-1c-2gb', 'vc2', [1, 2048, 55, 10]),
    plan('vc2-2c-2gb', 'vc2', [2, 2048, 65, 15]),
    plan('vc2-2c-4gb', 'vc2', [2, 4096, 80, 20]),
    plan('vc2-4c-8gb', 'vc2', [4, 8192, 160, 40], everywhere, ['syd']),
    plan('vhf-1c-2gb', 'vhf', [1, 2048, 64, 12]),
    plan('vhf-2c-4gb', 'vhf', [2, 4096, 128, 24]),
    plan('vhp-1c-2gb-amd', 'vhp', [1, 2048, 50, 12], ['ewr', 'fra']),
    plan('vhp-2c-4gb-amd', 'vhp', [2, 4096, 100, 24], ['ewr', 'fra']),
    plan('voc-g-1c-4gb-30s-amd', 'voc', [1, 4096, 30, 30], ['ewr', 'ams']),
    // Retired: still in the list, sold nowhere.
    plan('vc2-3c-4gb', 'vc2', [3, 4096, 80, 22], []),
    // Other products: dedicated hosts, and graphics cards with the disk sold apart.
    plan('vdc-2c-8gb', 'vdc', [2, 8192, 110, 60], ['ewr']),
    plan('vcg-a16-2c-16gb-4vram', 'vcg', [2, 16_384, 0, 120], ['ewr']),
  ],
  os: [
    { id: 1743, name: 'Ubuntu 22.04 LTS x64', arch: 'x64', family: 'ubuntu' },
    { id: 2136, name: 'Debian 12 x64 (bookworm)', arch: 'x64', family: 'debian' },
    { id: 2625, name: 'Debian 13 x64 (trixie)', arch: 'x64', family: 'debian' },
    { id: 159, name: 'Custom', arch: 'x64', family: 'iso' },
  ],
};
