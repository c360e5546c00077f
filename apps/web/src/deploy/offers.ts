import { type Catalogue, minimumMemoryMb, type Size } from '@claw-cloud/contracts';

/** A size as one region offers it. */
export interface Offer {
  readonly size: Size;
  readonly monthly: number;
  readonly hourly: number;
  readonly available: boolean;
  readonly recommended: boolean;
}

/**
 * What a region offers that OpenClaw can run on, cheapest first, what can't be had last. The cheapest that
 * can be had and has the memory to spare is the one recommended.
 */
export function offersIn(catalogue: Catalogue, region: string): Offer[] {
  const offers = catalogue.sizes
    .filter((size) => size.memoryMb >= minimumMemoryMb)
    .flatMap((size) => {
      const offer = size.offers.find((one) => one.region === region);
      return offer ? [{ size, ...offer }] : [];
    })
    .sort((a, b) => Number(b.available) - Number(a.available) || a.monthly - b.monthly);
  const best = offers.find((offer) => offer.available && !offer.size.small)?.size.id;
  return offers.map(({ size, monthly, hourly, available }) => ({
    size,
    monthly,
    hourly,
    available,
    recommended: size.id === best,
  }));
}

/** Those that every typed word is found in: name, processors, memory, kind of processor. */
export function matchingOffers(offers: readonly Offer[], typed: string): readonly Offer[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return offers;
  return offers.filter(({ size }) => {
    const kind = size.architecture === 'arm' ? 'arm' : 'x86';
    const memory = gigabytes(size.memoryMb).toLowerCase();
    const text =
      `${size.id} ${size.name} ${size.cpus} cpus ${memory} ${memory.replace(' ', '')} ${kind}`.toLowerCase();
    // A number stands for itself: "4" is no part of "64".
    const parts = new Set(text.split(/\s+/));
    return words.every((word) => (/^\d+$/.test(word) ? parts.has(word) : text.includes(word)));
  });
}

/** The region to begin with: the one whose recommended size costs least. */
export function firstRegion(catalogue: Catalogue): string | undefined {
  const priced = catalogue.regions
    .map(({ id }) => ({ id, price: offersIn(catalogue, id).find((offer) => offer.recommended)?.monthly }))
    .filter((region) => region.price !== undefined)
    .sort((a, b) => (a.price ?? 0) - (b.price ?? 0));
  return priced[0]?.id ?? catalogue.regions[0]?.id;
}

/** Memory in the unit people buy it in. */
export const gigabytes = (memoryMb: number): string =>
  `${(memoryMb >= 1024 ? memoryMb / 1024 : memoryMb / 1000).toFixed(memoryMb % 1024 === 0 ? 0 : 1).replace(/\.0$/, '')} GB`;

/** A country's name and flag from its two letters. */
export function country(code: string): { name: string; flag: string } {
  const letters = code.toUpperCase();
  if (!/^[A-Z]{2}$/.test(letters)) return { name: code, flag: '' };
  const flag = String.fromCodePoint(...[...letters].map((letter) => 0x1f1e6 + letter.charCodeAt(0) - 65));
  return { name: new Intl.DisplayNames(undefined, { type: 'region' }).of(letters) ?? code, flag };
}

/** A name as it may be stored: phones and some keyboards type curly apostrophes by themselves. */
export const plainName = (typed: string): string => typed.replace(/[’‘]/g, "'").trim();
