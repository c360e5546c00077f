import { type Catalogue, minimumMemoryMb, type ProviderId, recommendedMemoryMb } from '@claw-cloud/contracts';
import type { JsonClient } from '../http/client.ts';
import type { OpenCredential } from '../provider.ts';
import type { OsAnswer, PlanAnswer, RegionAnswer } from './answers.ts';

/** The operating system every server starts from, by the name under which its number is looked up. */
export const image = 'Debian 13 x64 (trixie)';
export const currency = 'USD';

/** Vultr bills ordinary servers for at most this many hours a month. */
const billedHours = 672;
/** Enough to be quick; Vultr takes 30 requests a second. */
const askedAtOnce = 4;

type Size = Catalogue['sizes'][number];

/** Everything a form or a preflight needs, still including what is too small or gone. */
export interface Stock {
  readonly catalogue: Catalogue;
  /** Also those below the memory floor, to say why they can't be had. */
  readonly allSizes: readonly Size[];
  /** The number of the operating system; null when it isn't offered. */
  readonly osId: number | null;
}

/** The plans that are ordinary servers with a disk of their own, and what Vultr calls them. */
const kinds: Readonly<Record<string, string>> = {
  vc2: 'Cloud Compute',
  vhf: 'High Frequency',
  vhp: 'High Performance',
  voc: 'Optimized',
};

function nameOf(plan: PlanAnswer): string {
  const maker = /-(amd|intel)(-|$)/.exec(plan.id)?.[1];
  return [kinds[plan.type] ?? plan.type, ...(maker ? [maker === 'amd' ? 'AMD' : 'Intel'] : []), plan.id].join(
    ' ',
  );
}

/** Ten-thousandths: below that it is noise. */
const rounded = (amount: number): number => Math.round(amount * 10_000) / 10_000;

function sizeOf(plan: PlanAnswer, inStock: (region: string, plan: string) => boolean): Size {
  return {
    id: plan.id,
    name: nameOf(plan).slice(0, 120),
    cpus: plan.vcpu_count,
    memoryMb: plan.ram,
    diskGb: plan.disk,
    architecture: 'x86',
    small: plan.ram < recommendedMemoryMb,
    offers: plan.locations.map((region) => ({
      region,
      available: inStock(region, plan.id),
      monthly: rounded(plan.monthly_cost),
      hourly: rounded(plan.hourly_cost ?? plan.monthly_cost / billedHours),
    })),
  };
}

/** The plans each region can deploy now: a plan also names regions where it is sold out. */
async function readAvailability(
  client: JsonClient,
  credential: OpenCredential,
  regions: readonly string[],
): Promise<Map<string, ReadonlySet<string>>> {
  const found = new Map<string, ReadonlySet<string>>();
  const left = [...regions];
  const worker = async () => {
    for (let region = left.shift(); region !== undefined; region = left.shift()) {
      const body = await client.get(credential, `/v2/regions/${encodeURIComponent(region)}/availability`);
      const plans = body?.available_plans;
      if (Array.isArray(plans)) found.set(region, new Set(plans.map(String)));
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, worker));
  return found;
}

/**
 * Reads what Vultr sells now: regions, plans and systems to the last page, and what each region has left; of one region
 * alone where only that is asked for.
 */
export async function readStock(
  client: JsonClient,
  provider: ProviderId,
  credential: OpenCredential,
  only?: string,
): Promise<Stock> {
  const [regions, plans, systems] = (await Promise.all([
    client.list(credential, '/v2/regions', 'regions'),
    client.list(credential, '/v2/plans', 'plans'),
    client.list(credential, '/v2/os', 'os'),
  ])) as unknown as [RegionAnswer[], PlanAnswer[], OsAnswer[]];
  const asked = regions.map(({ id }) => id).filter((id) => only === undefined || id === only);
  const available = await readAvailability(client, credential, asked);
  const allSizes = plans
    .filter((plan) => kinds[plan.type] !== undefined && plan.disk > 0)
    .map((plan) => sizeOf(plan, (region, id) => available.get(region)?.has(id) ?? true));
  const cheapest = (size: Size) => Math.min(...size.offers.map((offer) => offer.monthly));
  return {
    allSizes,
    osId: systems.find(({ name }) => name === image)?.id ?? null,
    catalogue: {
      provider,
      currency,
      regions: regions
        .map((region) => ({
          id: region.id,
          name: region.city.slice(0, 120),
          country: region.country.slice(0, 2),
          city: region.city.slice(0, 80),
        }))
        .slice(0, 200),
      sizes: allSizes
        .filter((size) => size.memoryMb >= minimumMemoryMb && size.offers.length > 0)
        .sort((a, b) => cheapest(a) - cheapest(b))
        .slice(0, 500),
      image,
      fetchedAt: client.now().toISOString(),
    },
  };
}
