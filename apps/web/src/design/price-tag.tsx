/** Money in the reader's way of writing it. */
export function money(amount: number, currency: string, digits = 2): string {
  try {
    return new Intl.NumberFormat(undefined, {
      style: 'currency',
      currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(amount);
  } catch {
    return `${amount.toFixed(digits)} ${currency}`;
  }
}

/** What something costs a month, and an hour in small. */
export function PriceTag({
  monthly,
  hourly,
  currency,
}: {
  monthly: number;
  hourly?: number;
  currency: string;
}) {
  return (
    <span className="inline-flex flex-col items-end tabular-nums leading-tight">
      <span className="whitespace-nowrap font-semibold">
        {money(monthly, currency)}
        <span className="font-normal text-faint text-xs"> /mo</span>
      </span>
      {hourly !== undefined && (
        <span className="whitespace-nowrap text-faint text-xs">{money(hourly, currency, 4)} /h</span>
      )}
    </span>
  );
}
