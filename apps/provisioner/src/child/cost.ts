import type { Receipt } from '@claw-cloud/contracts';

/** What list prices count as a month, in hours. */
const hoursPerMonth = 730;
const msPerHour = 3_600_000;

export interface Prices {
  readonly monthly: number | null;
  readonly hourly: number | null;
  readonly currency: string | null;
}

const rounded = (value: number, decimals: number): number => Number(value.toFixed(decimals));

/**
 * What an instance's servers have cost, as far as their times and the list price tell; null when neither price nor
 * currency is known. Where a month at the hourly price would be dearer than the monthly price, the cloud caps there.
 */
export function costOf(
  { made, deleted, listedAt }: Pick<Receipt, 'made' | 'deleted' | 'listedAt'>,
  prices: Prices,
): Receipt['cost'] {
  const hourly = prices.hourly ?? (prices.monthly === null ? null : prices.monthly / hoursPerMonth);
  if (hourly === null || prices.currency === null) return null;
  const caps = prices.monthly !== null && prices.monthly < hourly * hoursPerMonth * 0.999;
  let hours = 0;
  let amount = 0;
  for (const server of made.filter(({ kind, at }) => kind === 'server' && at !== null)) {
    const gone = deleted.find(({ kind, id }) => kind === 'server' && id === server.id)?.at ?? listedAt;
    const lived = Math.max(0, Date.parse(gone) - Date.parse(server.at ?? gone)) / msPerHour;
    hours += lived;
    const months = caps ? Math.floor(lived / hoursPerMonth) : 0;
    const rest = (lived - months * hoursPerMonth) * hourly;
    amount += months * (prices.monthly ?? 0) + (caps ? Math.min(rest, prices.monthly ?? rest) : rest);
  }
  const price = `${rounded(hourly, 5)} ${prices.currency} an hour`;
  return {
    amount: rounded(amount, 4),
    currency: prices.currency,
    hours: rounded(hours, 2),
    basis:
      `The list price of the last size, ${price}${caps ? `, at most ${prices.monthly} a month` : ''}, for as long as the server existed. ` +
      'Traffic above what is included, snapshots made by hand, credits and what is charged per started hour are left out; hours in which it was switched off or had another size count the same.',
  };
}
