import { ReportLine, reportLineLimitBytes } from '@claw-cloud/contracts';

/** What a stream of reports held that is none: it is closed, and says so in the log. */
export class MalformedReport extends Error {
  override readonly name = 'MalformedReport';
}

/**
 * The lines of a stream of reports, each checked against the contract and the next not read before the one before was
 * dealt with. Raises {@link MalformedReport} at a line that is too long, is no report, or is out of order.
 */
export async function* reportLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<ReportLine> {
  let rest: Buffer = Buffer.alloc(0);
  let last = 0;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (end > reportLineLimitBytes) throw new MalformedReport('too long');
      const line = parseLine(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (line.n <= last) throw new MalformedReport('out of order');
      last = line.n;
      yield line;
    }
    if (rest.length > reportLineLimitBytes) throw new MalformedReport('too long');
  }
}

function parseLine(bytes: Buffer): ReportLine {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new MalformedReport('not JSON');
  }
  const parsed = ReportLine.safeParse(value);
  // The contract's schemas drop every field they don't name: nothing else a machine writes gets any further.
  if (!parsed.success) throw new MalformedReport('not of the contract');
  return parsed.data;
}
