import { createInterface } from 'node:readline/promises';
import type { Cloud } from '@claw-cloud/contracts';
import type { ChosenOffer } from '../owner-life.ts';

const price = (amount: number, currency: string): string =>
  `${amount.toFixed(amount < 0.1 ? 4 : 2)} ${currency}`;

/** What will be made and what it costs, before anything is. */
export function offerLines(cloud: Cloud, currency: string, offer: ChosenOffer, tag: string): string[] {
  const { size, region, monthly, hourly } = offer;
  return [
    '',
    `  In your account at ${cloud.name} this makes`,
    `    one server ${size.name} (${size.cpus} CPUs, ${Math.round(size.memoryMb / 102.4) / 10} GB) in ${region}, with its addresses and a firewall`,
    `    everything with the tag ${tag}`,
    `    ${price(hourly, currency)} an hour, ${price(monthly, currency)} a month`,
    '  and deletes it again after some ten minutes. Most clouds bill a begun hour in full.',
    '',
  ];
}

/**
 * Whether the person agrees to spend. Without a terminal nobody can be asked: then only `--yes` agrees, and an error
 * says so.
 */
export async function agreed(options: {
  yes: boolean;
  costs: boolean;
  signal: AbortSignal;
}): Promise<boolean> {
  if (options.yes || !options.costs) return true;
  if (!process.stdin.isTTY)
    throw new Error('This costs money and there is no terminal to ask at. Add --yes to agree beforehand.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // With a line editor on the terminal Ctrl-C arrives here, and not as a signal.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await terminal.question('  Type yes to go on: ', { signal: options.signal });
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
