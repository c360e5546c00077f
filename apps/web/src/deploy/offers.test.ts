import type { Catalogue, Size } from '@claw-cloud/contracts';
import { describe, expect, it } from 'vitest';
import { country, firstRegion, gigabytes, matchingOffers, offersIn, plainName } from './offers.ts';

const size = (
  id: string,
  memoryMb: number,
  offers: [region: string, monthly: number, available?: boolean][],
): Size => ({
  id,
  name: id.toUpperCase(),
  cpus: 2,
  memoryMb,
  diskGb: 40,
  architecture: 'x86',
  small: memoryMb < 4000,
  offers: offers.map(([region, monthly, available = true]) => ({
    region,
    monthly,
    hourly: monthly / 700,
    available,
  })),
});
const catalogue: Catalogue = {
  provider: 'sandbox',
  currency: 'EUR',
  regions: [
    { id: 'ash', name: 'Ashburn', country: 'US', city: 'Ashburn' },
    { id: 'fsn1', name: 'Falkenstein', country: 'DE', city: 'Falkenstein' },
  ],
  sizes: [
    size('tiny', 1024, [['fsn1', 1]]),
    size('small', 2048, [
      ['fsn1', 2],
      ['ash', 2],
    ]),
    size('good', 4096, [
      ['fsn1', 5],
      ['ash', 6],
    ]),
    size('best', 8192, [
      ['fsn1', 3, false],
      ['ash', 9],
    ]),
  ],
  image: 'debian-13',
  fetchedAt: '2026-11-21T10:00:00.000Z',
};

describe('what a region offers', () => {
  it('leaves out what OpenClaw can’t start on, cheapest first, sold out last', () => {
    expect(offersIn(catalogue, 'fsn1').map((offer) => offer.size.id)).toEqual(['small', 'good', 'best']);
  });

  it('recommends the cheapest with memory to spare that can be had', () => {
    const recommended = (region: string) => offersIn(catalogue, region).filter((offer) => offer.recommended);
    expect(recommended('fsn1').map((offer) => offer.size.id)).toEqual(['good']);
    expect(recommended('nowhere')).toEqual([]);
    const soldOut = { ...catalogue, sizes: [size('good', 4096, [['fsn1', 5, false]])] };
    expect(offersIn(soldOut, 'fsn1').some((offer) => offer.recommended)).toBe(false);
  });

  it('begins where the recommended size costs least', () => {
    expect(firstRegion(catalogue)).toBe('fsn1');
    expect(firstRegion({ ...catalogue, sizes: [] })).toBe('ash');
    expect(firstRegion({ ...catalogue, regions: [] })).toBeUndefined();
  });
});

describe('a search for sizes', () => {
  const found = (typed: string) =>
    matchingOffers(offersIn(catalogue, 'ash'), typed).map(({ size: { id } }) => id);

  it('finds by what one compares them by, every word of it', () => {
    expect(found('8 gb')).toEqual(['best']);
    expect(found('GOOD x86')).toEqual(['good']);
    expect(found('2 cpu')).toEqual(['small', 'good', 'best']);
    expect(found('arm')).toEqual([]);
    expect(found('  ')).toHaveLength(3);
  });

  it('takes a number for itself', () => {
    const large = { ...catalogue, sizes: [size('large', 65_536, [['ash', 90]])] };
    expect(matchingOffers(offersIn(large, 'ash'), '6')).toEqual([]);
    expect(matchingOffers(offersIn(large, 'ash'), '64gb')).toHaveLength(1);
  });
});

describe('words of the form', () => {
  it('says memory in the unit it is bought in', () => {
    expect([2000, 2048, 3840, 4096, 16_384].map(gigabytes)).toEqual([
      '2 GB',
      '2 GB',
      '3.8 GB',
      '4 GB',
      '16 GB',
    ]);
  });

  it('names countries, and survives what is none', () => {
    expect(country('de').flag).toBe('🇩🇪');
    expect(country('??')).toEqual({ name: '??', flag: '' });
  });

  it('takes the apostrophes keyboards make', () => {
    expect(plainName(' Ada’s claw ')).toBe("Ada's claw");
  });
});
